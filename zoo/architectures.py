"""The zoo's architectures as data: what to build, where it is published, and its figures.

The figures are those of `zoo.model_facts`, written down so that listing them needs no Keras; the
suite builds every architecture and compares.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PublishedWeights:
    """Weights that the authors of an architecture have published.

    Attributes:
        licence: as they state it.
        source: where that is stated, or where the weights are.
        command: how they become a preset.
    """

    licence: str
    source: str
    command: str


@dataclass(frozen=True)
class Architecture:
    """A network of the zoo with a name.

    Attributes:
        network: the class, a public name of `zoo`.
        arguments: of its constructor.
        paper: that describes it.
        input: what goes in, as `zoo.model_facts.describe_input` says it.
        sample_rate: in Hz; `None` for images.
        stems: of a `Separator` made of it; none for what separates nothing.
        parameters: statistics of batch normalisations included.
        multiply_adds_per_second: of audio, as `zoo.multiply_adds` counts them.
        multiply_adds_per_pixel: of images.
        weights: that are published; `None` where there are none.
        training: arguments of `stemzoo train` that train it, a recipe first; `None` where there is
            no recipe.
        fine_tuning: likewise, from a preset's weights.
    """

    network: str
    paper: str
    input: str
    parameters: int
    sample_rate: int | None = None
    stems: tuple[str, ...] = ()
    multiply_adds_per_second: int | None = None
    multiply_adds_per_pixel: int | None = None
    arguments: dict = field(default_factory=dict)
    weights: PublishedWeights | None = None
    training: str | None = None
    fine_tuning: str | None = None


_VOCALS = ("vocals", "accompaniment")
_FOUR = ("vocals", "drums", "bass", "other")
_FIVE = ("vocals", "piano", "drums", "bass", "other")
_SPLEETER = "Hennequin et al., Spleeter, JOSS 5(50), 2020: https://doi.org/10.21105/joss.02154"
_WAVE_UNET = "Stoller, Ewert, Dixon, Wave-U-Net, ISMIR 2018: https://arxiv.org/abs/1806.03185"
_UNET = "Ronneberger, Fischer, Brox, U-Net, MICCAI 2015: https://arxiv.org/abs/1505.04597"
# Its recipes have an eighth of the paper's width, that for images has colours.
_WIDTH = "--set model.features=[64,128,256,512]"
_SEGMENTATION = f"unet_segmentation {_WIDTH} --set model.in_channels=1"
_COURSE = "https://github.com/musikalkemist/generating-sound-with-neural-networks"


def _spleeter(variant: str, **facts) -> Architecture:
    weights = PublishedWeights(
        "MIT", _SPLEETER, f"stemzoo import spleeter PATH --variant {variant} -o FOLDER"
    )
    settings = {
        "paper": _SPLEETER,
        "sample_rate": 44100,
        "weights": weights,
        "training": f"spleeter_2stems --set model.variant={variant}",
        "fine_tuning": "spleeter_finetune --set model.start=PRESET",
        **facts,
    }
    return Architecture("SpleeterUNet", arguments={"variant": variant}, **settings)


def _wave_unet(variant: str, *, published: bool = False, **facts) -> Architecture:
    weights = PublishedWeights(
        "not stated",
        "https://github.com/f90/Wave-U-Net",
        f"stemzoo import wave-unet PATH --variant {variant} -o FOLDER",
    )
    settings = {
        "paper": _WAVE_UNET,
        "sample_rate": 22050,
        "stems": _VOCALS,
        "weights": weights if published else None,
        "training": f"wave_unet_{variant.lower().replace('-', '_')}",
        **facts,
    }
    return Architecture("WaveUNet", arguments={"variant": variant}, **settings)


def _autoencoder(network: str, **facts) -> Architecture:
    return Architecture(
        network, input="decibels, 64 frames x 256 bins, mono", sample_rate=22050, **facts
    )


ARCHITECTURES = {
    "conv_autoencoder": _autoencoder(
        "ConvAutoencoder",
        paper=f"V. Velardo, Generating Sound with Neural Networks, 2021: {_COURSE}",
        parameters=2_240_577,
        multiply_adds_per_second=2_206_719_900,
        training="autoencoder_fsdd",
    ),
    "conv_vae": _autoencoder(
        "ConvVAE",
        paper="Kingma, Welling, Auto-Encoding Variational Bayes, ICLR 2014: "
        "https://arxiv.org/abs/1312.6114",
        parameters=2_371_777,
        multiply_adds_per_second=2_206_896_300,
        weights=PublishedWeights(
            "not stated", _COURSE, "stemzoo import autoencoder PATH -o FOLDER"
        ),
        training="vae_fsdd_course",
    ),
    "jansson_unet": Architecture(
        "JanssonUNet",
        paper="Jansson et al., Deep U-Net, ISMIR 2017: "
        "https://archives.ismir.net/ismir2017/paper/000171.pdf",
        input="magnitude, 128 frames x 512 bins, mono",
        sample_rate=8192,
        stems=_VOCALS,
        parameters=9_826_321,
        multiply_adds_per_second=62_805_333,
        training="jansson_unet",
        fine_tuning="jansson_unet_finetune",
    ),
    "spleeter_2stems": _spleeter(
        "2stems",
        stems=_VOCALS,
        input="magnitude, 512 frames x 1024 bins, stereo",
        parameters=19_653_518,
        multiply_adds_per_second=1_025_942_400,
    ),
    "spleeter_2stems_16khz": _spleeter(
        "2stems-16kHz",
        stems=_VOCALS,
        input="magnitude, 512 frames x 1536 bins, stereo",
        parameters=19_653_518,
        multiply_adds_per_second=1_538_913_600,
    ),
    "spleeter_4stems": _spleeter(
        "4stems",
        stems=_FOUR,
        input="magnitude, 512 frames x 1024 bins, stereo",
        parameters=39_307_036,
        multiply_adds_per_second=2_051_884_800,
    ),
    "spleeter_4stems_16khz": _spleeter(
        "4stems-16kHz",
        stems=_FOUR,
        input="magnitude, 512 frames x 1536 bins, stereo",
        parameters=39_307_036,
        multiply_adds_per_second=3_077_827_200,
    ),
    "spleeter_5stems": _spleeter(
        "5stems",
        stems=_FIVE,
        input="magnitude, 512 frames x 1024 bins, stereo",
        parameters=49_133_795,
        multiply_adds_per_second=2_564_856_000,
    ),
    "spleeter_5stems_16khz": _spleeter(
        "5stems-16kHz",
        stems=_FIVE,
        input="magnitude, 512 frames x 1536 bins, stereo",
        parameters=49_133_795,
        multiply_adds_per_second=3_847_284_000,
    ),
    "unet": Architecture(
        "UNet",
        paper=_UNET,
        input="image, any size, 1 channel",
        parameters=31_048_257,
        multiply_adds_per_pixel=733_824,
        training=_SEGMENTATION,
    ),
    "unet_bilinear": Architecture(
        "UNet",
        arguments={"upsampling": "bilinear"},
        paper=_UNET,
        input="image, any size, 1 channel",
        parameters=17_270_657,
        multiply_adds_per_pixel=608_896,
        training=f"{_SEGMENTATION} --set model.upsampling=bilinear",
    ),
    "unet_vocals": Architecture(
        "UNet",
        arguments={"front_end": {}},
        paper=_UNET,
        input="magnitude, 128 frames x 512 bins, mono",
        sample_rate=8192,
        stems=_VOCALS,
        parameters=31_048_257,
        multiply_adds_per_second=4_007_657_472,
        training=f"unet_vocals {_WIDTH}",
    ),
    "wave_unet_m1": _wave_unet(
        "M1",
        input="waveform, 16,384 samples, mono",
        parameters=10_263_028,
        multiply_adds_per_second=3_288_674_812,
    ),
    "wave_unet_m2": _wave_unet(
        "M2",
        input="waveform, 16,384 samples, mono",
        parameters=10_263_002,
        multiply_adds_per_second=3_288_123_562,
    ),
    "wave_unet_m3": _wave_unet(
        "M3",
        input="waveform, 147,443 samples, mono",
        parameters=10_263_002,
        multiply_adds_per_second=3_288_123_562,
    ),
    "wave_unet_m4": _wave_unet(
        "M4",
        input="waveform, 147,443 samples, stereo",
        parameters=10_263_390,
        multiply_adds_per_second=3_296_656_912,
        published=True,
    ),
    "wave_unet_m5": _wave_unet(
        "M5",
        input="waveform, 147,443 samples, stereo",
        parameters=10_265_550,
        multiply_adds_per_second=3_296_656_912,
    ),
    "wave_unet_m5_highsr": _wave_unet(
        "M5-HighSR",
        sample_rate=44100,
        input="waveform, 147,443 samples, stereo",
        parameters=10_265_550,
        multiply_adds_per_second=6_593_313_825,
        published=True,
    ),
    "wave_unet_m6": _wave_unet(
        "M6",
        stems=("bass", "drums", "vocals", "other"),
        input="waveform, 147,443 samples, stereo",
        parameters=10_263_498,
        multiply_adds_per_second=3_298_950_112,
        published=True,
    ),
    "wave_unet_m7": _wave_unet(
        "M7",
        sample_rate=8192,
        input="waveform, 233,459 samples, mono",
        parameters=20_594_652,
        multiply_adds_per_second=2_449_820_800,
    ),
}
