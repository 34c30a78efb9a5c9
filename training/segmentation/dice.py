"""The Dice score of masks."""

import keras
from keras import ops


def class_maps(y_true, y_pred):
    """Targets as maps like the predictions: one of 0 and 1 for each channel.

    Args:
        y_true: `(batch, height, width, 1)` numbers of classes, or maps like the predictions.
        y_pred: `(batch, height, width, channels)`.
    """
    channels = y_pred.shape[-1]
    if y_true.shape[-1] == channels:
        return ops.cast(y_true, y_pred.dtype)
    return ops.one_hot(ops.cast(y_true[..., 0], "int32"), channels, dtype=y_pred.dtype)


def dice_scores(y_true, y_pred, *, threshold: float = 0.5):
    """Returns the Dice score of each image: twice the overlap over the sum of both areas.

    Args:
        y_true: numbers of classes `(batch, height, width, 1)`, or maps like the predictions.
        y_pred: probabilities `(batch, height, width, channels)`. One channel is foreground where
            it exceeds the threshold. Of several, each pixel has the class of the largest, and the
            score is the mean over those classes but the first, the background, that the image or
            its prediction has.
        threshold: of one channel.

    Returns:
        `(batch,)` in [0, 1]. An image without foreground, of which none is predicted, scores 1.

    Example:
        >>> truth = np.float32([1, 1, 0, 0]).reshape(1, 2, 2, 1)
        >>> probabilities = np.float32([0.9, 0.2, 0.6, 0.8]).reshape(1, 2, 2, 1)
        >>> round(float(dice_scores(truth, probabilities)[0]), 3)  # 2 * 1 / (2 + 3)
        0.4
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = class_maps(ops.convert_to_tensor(y_true), y_pred)
    channels = y_pred.shape[-1]
    if channels == 1:
        chosen = ops.cast(y_pred > threshold, y_pred.dtype)
        y_true = ops.cast(y_true > 0.5, y_pred.dtype)
    else:
        chosen = ops.one_hot(ops.argmax(y_pred, axis=-1), channels, dtype=y_pred.dtype)[..., 1:]
        y_true = y_true[..., 1:]
    overlap = ops.sum(chosen * y_true, axis=(1, 2))  # (batch, foreground classes)
    areas = ops.sum(chosen, axis=(1, 2)) + ops.sum(y_true, axis=(1, 2))
    present = ops.cast(areas > 0, y_pred.dtype)
    scores = ops.sum(2 * overlap / ops.maximum(areas, 1), axis=-1)
    count = ops.sum(present, axis=-1)
    return ops.where(count > 0, scores / ops.maximum(count, 1), ops.ones_like(scores))


@keras.saving.register_keras_serializable(package="stemzoo")
class Dice(keras.metrics.Mean):
    """The Dice score of hard masks, mean over images; see `dice_scores`.

    Source: Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology 26,
    1945; for masks it is the F1 score of the pixels.

    Args:
        threshold: probability above which a pixel is foreground, where there is one channel.
        name: of the metric.
        dtype: of its variables.

    Example:
        >>> metric = Dice()
        >>> mask = np.ones((1, 4, 4, 1), "float32")
        >>> metric.update_state(mask, 0.9 * mask)
        >>> metric.update_state(np.repeat(mask, 2, axis=0), np.zeros((2, 4, 4, 1), "float32"))
        >>> round(float(metric.result()), 3)
        0.333
    """

    def __init__(self, *, threshold: float = 0.5, name: str = "dice", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        scores = dice_scores(y_true, y_pred, threshold=self.threshold)
        super().update_state(scores, sample_weight)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}
