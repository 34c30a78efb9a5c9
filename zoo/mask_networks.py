"""The networks of a separator that works with masks: one for each stem, or one for all."""

from zoo.front_end import FrontEnd

# What a network is called that gives all stems: it names its weights in a separator's file.
ALL_STEMS = "all"
MASK_EXTENSIONS = ("zeros", "average")


class MaskNetworks:
    """One network a stem, each with a `mask` method, or one of all `stems`, with `masks`.

    Args:
        network: a network, or a mapping stem -> network of a single stem.
        stem: name of the stem of a network that is given by itself and has no name for it.
        mask_extension: in place of the networks' own.

    Attributes:
        models: what the networks are called in a separator's files -> network.
        joint: whether there is one network of all stems.
        cross_faded: whether patches overlap and are cross-faded by default; else they are laid out
            as in Spleeter's program. A network of all stems says it by an attribute of this name.
        stems: that have a mask.
        front_end: of all networks.
        mask_extension: "zeros" or "average".

    Raises:
        ValueError: if they are no mask networks, do not go together, or names are not theirs.
    """

    def __init__(self, network, *, stem=None, mask_extension=None):
        self.joint = hasattr(network, "masks")
        if self.joint:
            if stem is not None:
                raise ValueError(
                    "stem is for a network of one; this one names its stems, "
                    f"{', '.join(network.stems)}. Received: stem={stem}"
                )
            self.models = {ALL_STEMS: network}
            self.stems = tuple(network.stems)
        else:
            named = hasattr(network, "items")
            self.models = dict(network) if named else {stem or "vocals": network}
            self.stems = tuple(self.models)
        self.front_end: FrontEnd = self._common("front_end")
        self.cross_faded = self._common("cross_faded", not self.joint)
        if mask_extension is None:
            mask_extension = self._common("mask_extension", "zeros")
        if mask_extension not in MASK_EXTENSIONS:
            raise ValueError(
                f"mask_extension must be one of {', '.join(MASK_EXTENSIONS)}. "
                f"Received: mask_extension={mask_extension!r}"
            )
        self.mask_extension = mask_extension

    def __call__(self, patches) -> dict:
        """Masks of normalised patches, all of the networks' layout, a dict stem -> mask."""
        if self.joint:
            return self.models[ALL_STEMS].masks(patches)
        return {stem: network.mask(patches) for stem, network in self.models.items()}

    def _common(self, name: str, default=None):
        if not self.models:
            raise ValueError("network must name at least one stem. Received: network={}")
        method = "masks" if self.joint else "mask"
        for model in self.models.values():
            if not (hasattr(model, "front_end") and hasattr(model, method)):
                raise ValueError(
                    "network must be mask networks of one stem each, or one network of all stems "
                    f"that is not in a mapping. Received: network={self.models}"
                )
        values = [getattr(model, name, default) for model in self.models.values()]
        if any(value != values[0] for value in values):
            what = name.replace("_", " ")
            raise ValueError(f"all networks must have the same {what}. Received: {name}s={values}")
        return values[0]
