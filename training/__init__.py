"""Tracks, input pipelines, training and evaluation.

Names are imported on first use, so that the command line starts without TensorFlow.
"""

from zoo.lazy import lazy_names

_MODULES = {
    "FeatureFolder": "training.feature_folder",
    "FitSettings": "training.fit_settings",
    "LabelClassifier": "training.label_classifier",
    "Loader": "training.preprocessing",
    "LogSpectrogramExtractor": "training.preprocessing",
    "MinMaxNormaliser": "training.preprocessing",
    "Padder": "training.preprocessing",
    "PreprocessingPipeline": "training.preprocessing_pipeline",
    "Remix": "training.remix",
    "Saver": "training.saver",
    "ScaleInvariantSignalToDistortion": "training.losses",
    "SignalToDistortion": "training.losses",
    "SourceGains": "training.source_gains",
    "Stage": "training.fitting",
    "Track": "training.tracks",
    "calibration_examples": "training.calibration",
    "evaluate": "training.evaluation",
    "evaluate_sounds": "training.sound_evaluation",
    "fit": "training.fitting",
    "list_recipes": "training.recipe",
    "load_recipe": "training.recipe",
    "preprocess_recordings": "training.preprocess",
    "spectrogram_features": "training.features",
    "spectrogram_patches": "training.pipeline",
    "stem_folder": "training.loaders.stem_folder",
    "synthetic_songs": "training.synthetic",
    "train_recipe": "training.run",
    "waveform_segments": "training.pipeline",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _MODULES)
