"""The Wave-U-Net paper's variants as arguments, and what arguments may be."""

# Arguments of the paper's baseline, and what differs from it in its table 1.
M1 = {
    "sample_rate": 22050,
    "channels": 1,
    "sources": ("accompaniment", "vocals"),
    "levels": 12,
    "initial_filters": 24,
    "kernel_size": 15,
    "decoder_kernel_size": 5,
    "output_kernel_size": 1,
    "leakiness": 0.2,
    "context": False,
    "upsampling": "linear",
    "downsampling": "decimate",
    "dilation": 1,
    "output_type": "direct",
    "scales": 1,
    "segment_samples": 16384,
}
_M3 = {"output_type": "difference", "context": True}
_M5 = {**_M3, "channels": 2, "upsampling": "learned"}
VARIANTS = {
    "M1": {},
    "M2": {"output_type": "difference"},
    "M3": _M3,
    "M4": {**_M3, "channels": 2},
    "M5": _M5,
    "M5-HighSR": {**_M5, "sample_rate": 44100},
    "M6": {**_M3, "channels": 2, "sources": ("bass", "drums", "other", "vocals")},
    "M7": {**_M3, "initial_filters": 34, "sample_rate": 8192, "segment_samples": 98560},
}
UPSAMPLING = ("linear", "learned", "transposed")
# What each takes, with context, beyond two samples for every one that it returns.
DOWNSAMPLING = {"decimate": -1, "strided": 1, "max_pool": 0}
OUTPUT_TYPES = ("direct", "difference")


def complete_settings(variant: str, given: dict) -> dict:
    """All arguments: those given, else the variant's, else the baseline's."""
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}. Received: {variant=}")
    given = {name: value for name, value in given.items() if value is not None}
    settings = {**M1, **VARIANTS[variant], **given}
    settings["sources"] = tuple(settings["sources"])
    dilation = settings["dilation"]
    settings["dilation"] = dilation if isinstance(dilation, int) else tuple(dilation)
    _check(settings)
    return settings


def _check(settings: dict) -> None:
    def refuse(rule, name):
        raise ValueError(f"{name} must be {rule}. Received: {name}={settings[name]!r}")

    sizes = ("kernel_size", "decoder_kernel_size", "output_kernel_size")
    positive = ("sample_rate", "channels", "levels", "initial_filters", "scales", "segment_samples")
    for name in (*positive, *sizes):
        if settings[name] < 1:
            refuse("positive", name)
    for name in sizes:
        if settings["context"] and settings[name] % 2 == 0:
            refuse("odd with context, or outputs would lie between samples", name)
    for name, known in (
        ("upsampling", UPSAMPLING),
        ("downsampling", DOWNSAMPLING),
        ("output_type", OUTPUT_TYPES),
    ):
        if settings[name] not in known:
            refuse(f"one of {', '.join(known)}", name)
    sources = settings["sources"]
    if not sources or len(set(sources)) < len(sources):
        refuse("one or more different names", "sources")
    if settings["output_type"] == "difference" and len(sources) < 2:
        refuse("two or more with output_type='difference'", "sources")
    if settings["scales"] > settings["levels"] + 1:
        refuse("at most levels + 1", "scales")
    dilation = settings["dilation"]
    if isinstance(dilation, tuple) and len(dilation) != settings["levels"] + 1:
        refuse(f"one number or {settings['levels'] + 1}", "dilation")
    if min(dilation if isinstance(dilation, tuple) else (dilation,)) < 1:
        refuse("positive", "dilation")


def surplus_samples(settings: dict, level: int) -> int:
    """Samples by which a decoder level's output begins before the network's."""
    if not settings["context"]:
        return 0
    trimmed = (2**level - 1) * (settings["decoder_kernel_size"] - 1)
    return (trimmed + settings["output_kernel_size"] - 1) // 2
