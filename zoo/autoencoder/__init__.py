"""Convolutional autoencoders for spectrograms: the plain one and the variational one."""

from zoo.autoencoder.conv_autoencoder import ConvAutoencoder
from zoo.autoencoder.conv_vae import ConvVAE

__all__ = ["ConvAutoencoder", "ConvVAE"]
