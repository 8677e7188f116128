"""The kinds of blocks and of stems that a network may be made of."""

from typing import Literal

BlockKind = Literal["resnext", "resnet", "vanilla", "mlp", "v", "vr"]
"""The layers of a block.

- `resnext`: 1x1, grouped 3x3 and 1x1 convolutions and a shortcut (the chapter's block);
- `resnet`: two 3x3 convolutions and a shortcut;
- `vanilla`: two 3x3 convolutions without a shortcut, as in pycls;
- `mlp`: one linear layer; the stem flattens the image (the chapter's exercise 4);
- `v`: one 3x3 convolution, the RegNet paper's V block (section 3.4 and appendix);
- `vr`: the same with a shortcut, its VR block.
"""

StemKind = Literal["simple", "resnet"]
"""The layers of a stem; in an mlp, a linear layer replaces the convolution.

- `simple`: a 3x3 convolution, batch norm and ReLU (the chapter's stem, and RegNet's);
- `resnet`: a 7x7 convolution, batch norm, ReLU, and 3x3 max pooling of stride 2.
"""
