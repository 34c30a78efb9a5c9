"""Image segmentation: folders of images and masks, synthetic shapes, Dice."""
