"""The loss of segmenters."""

import keras
from keras import ops

from training.segmentation.dice import class_maps


@keras.saving.register_keras_serializable(package="stemzoo")
class DiceCrossEntropy(keras.losses.Loss):
    """Cross-entropy of the pixels, plus one minus the soft Dice score of the image.

    Cross-entropy is the mean over the pixels of an image: binary for one channel, else
    categorical. The soft Dice score is that of Milletari, Navab, Ahmadi, "V-Net: Fully
    Convolutional Neural Networks for Volumetric Medical Image Segmentation", 3DV 2016, section 3,

        (2 sum(p g) + smooth) / (sum(p^2) + sum(g^2) + smooth)

    with sums over the pixels of an image, probabilities p and truth g; of several channels, the
    background's among them, it is their mean. The paper has no `smooth`: it makes an image without
    foreground, of which none is predicted, a perfect one.

    Args:
        dice_weight: what one minus the Dice score counts beside the cross-entropy.
        smooth: added to numerator and denominator, in pixels.
        from_logits: whether predictions are logits, of sigmoid or softmax.
        reduction: over the batch, as in Keras.
        name: of the loss.
        dtype: of the computation, float32 by default.

    Raises:
        ValueError: if `dice_weight` is negative or `smooth` is not positive.

    Example:
        >>> truth = np.float32([[1, 1], [0, 0]])[None, ..., None]
        >>> loss = DiceCrossEntropy()
        >>> bool(loss(truth, truth) < 1e-5), bool(loss(truth, 1 - truth) > 10)
        (True, True)
    """

    def __init__(
        self,
        *,
        dice_weight: float = 1.0,
        smooth: float = 1.0,
        from_logits: bool = False,
        reduction: str = "sum_over_batch_size",
        name: str = "dice_cross_entropy",
        dtype=None,
    ):
        if dice_weight < 0:
            raise ValueError(f"dice_weight must not be negative. Received: {dice_weight=}")
        if smooth <= 0:
            raise ValueError(f"smooth must be positive. Received: {smooth=}")
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.dice_weight = dice_weight
        self.smooth = smooth
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        y_true = class_maps(y_true, y_pred)
        single = y_pred.shape[-1] == 1
        cross_entropy = ops.binary_crossentropy if single else ops.categorical_crossentropy
        pixels = cross_entropy(y_true, y_pred, from_logits=self.from_logits)
        axes = tuple(range(1, len(pixels.shape)))
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred) if single else ops.softmax(y_pred)
        overlap = ops.sum(y_true * y_pred, axis=(1, 2))  # (batch, channels)
        energy = ops.sum(ops.square(y_true), axis=(1, 2)) + ops.sum(ops.square(y_pred), axis=(1, 2))
        dice = ops.mean((2 * overlap + self.smooth) / (energy + self.smooth), axis=-1)
        return ops.mean(pixels, axis=axes) + self.dice_weight * (1 - dice)

    def get_config(self):
        return {
            **super().get_config(),
            "dice_weight": self.dice_weight,
            "smooth": self.smooth,
            "from_logits": self.from_logits,
        }
