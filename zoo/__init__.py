"""stemzoo: models, front end, presets and whole-song inference.

Names are imported on first use, so that the command line starts without Keras.
"""

from zoo.lazy import lazy_names

_MODULES = {
    "ConvAutoencoder": "zoo.autoencoder.conv_autoencoder",
    "ConvVAE": "zoo.autoencoder.conv_vae",
    "FrontEnd": "zoo.front_end",
    "InputError": "zoo.errors",
    "InverseSTFT": "zoo.spectral",
    "JanssonUNet": "zoo.jansson_unet",
    "STFT": "zoo.spectral",
    "Separator": "zoo.separator",
    "SoundGenerator": "zoo.sound_generator",
    "SpleeterUNet": "zoo.spleeter_unet",
    "StreamingSeparator": "zoo.streaming",
    "UNet": "zoo.unet",
    "WaveUNet": "zoo.wave_unet.network",
    "WienerFilter": "zoo.wiener_filter",
    "create_model": "zoo.registry",
    "list_models": "zoo.registry",
    "list_presets": "zoo.preset_files",
    "load_model": "zoo.presets",
    "load_preset": "zoo.presets",
    "model_info": "zoo.registry",
    "segment_file": "zoo.segmentation",
    "separate_as_published": "zoo.wave_unet.published",
    "separate_file": "zoo.inference",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _MODULES)
