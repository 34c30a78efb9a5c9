"""The Wave-U-Net: the network, its blocks and layers, and the published configurations."""

from zoo.wave_unet.network import WaveUNet

__all__ = ["WaveUNet"]
