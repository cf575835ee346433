"""Pictures become vectors.

``grad_cam``, ``occlusion``, ``randomised`` and ``receptive_field`` look into the networks; they are
modules of their own, imported by their names.
"""

from xmodal_lab.encoders.image.blocks import Convolution, Residual, basic_block, bottleneck_block
from xmodal_lab.encoders.image.deep import DeepCNN
from xmodal_lab.encoders.image.grid import GridCNN
from xmodal_lab.encoders.image.picture import PictureEncoder
from xmodal_lab.encoders.image.resnet import ResNet, resnet18, resnet50
from xmodal_lab.encoders.image.small import SmallCNN
from xmodal_lab.encoders.image.vgg import VGG16

__all__ = [
    "VGG16",
    "Convolution",
    "DeepCNN",
    "GridCNN",
    "PictureEncoder",
    "ResNet",
    "Residual",
    "SmallCNN",
    "basic_block",
    "bottleneck_block",
    "resnet18",
    "resnet50",
]
