"""The bugs of the lab: real changes of ``explainer/break_it/model.py``, what is asked of each, and what may repair it.

Every change is written as what stands in the file and what stands there instead, with sizes as letters in braces
(``Sizes.fill``). Which repair is right is not written anywhere: each is run, and the one that gives the logits of the
sound model is.
"""

from dataclasses import dataclass

Edits = tuple[tuple[str, str], ...]  # (what stands in the sound file, what stands there instead)


@dataclass(frozen=True)
class Place:
    """Where the reader predicts a shape: what one line of the broken file makes."""

    line: str  # as it stands there, or how it begins
    operation: str = ""  # of several on this line; the last one if it is empty


@dataclass(frozen=True)
class Bug:
    """One change of the code, and the way from it back to a model that works."""

    name: str  # in a link
    title: str
    cause: str | None  # a key of explainer.shapes.MISTAKES; None: nothing that could be read from shapes
    edits: Edits
    place: Place
    question: str  # what is predicted
    guesses: tuple[str, ...]  # shapes that one may expect, the true one among them
    hints: tuple[str, str, str]  # which operation, which axis, the rule
    repairs: tuple[Edits, ...]  # from the sound file, as ``edits``


_CONVOLUTION = "feature_map = self.projection(images)"
_FLATTEN = "columns = feature_map.flatten(2)"
_TRANSPOSE = "return columns.transpose(1, 2)"
_POSITIONS = "torch.randn(1, num_patches + 1, hidden_size)"
_EXPAND = "class_token = self.class_token.expand(images.shape[0], -1, -1)"
_JOIN = "z = torch.cat([class_token, patches], dim=1)"
_ADD = "z = z + self.position_embedding"
_READ = "y = self.norm(z[:, 0])"
_HEAD = "return self.head(y)"
_COLOURS = "colours = pixels[:, :, :3]"
_CHANNELS = "image = colours.permute(2, 0, 1)"
_BATCH = "images = torch.stack([self.prepare(pixels) for pixels in pictures])"
_COUNT = "num_patches = image_size * image_size // patch_size**2"
_NORM = "normed = self.attention_norm(z)"
_SKIP = "z = attended + z"
_ATTENTION = "nn.MultiheadAttention(hidden_size, num_heads, batch_first=True)"

BUGS: dict[str, Bug] = {
    bug.name: bug
    for bug in (
        Bug(
            "patch-size",
            "Patch size",
            "patch-does-not-divide",
            (("PATCH_SIZE = {P}", "PATCH_SIZE = {odd_patch}"),),
            Place(_CONVOLUTION),
            "`feature_map`, which the convolution makes",
            (
                "{B}, {D}, {odd_grid}, {odd_grid}",
                "{B}, {D}, {G}, {G}",
                "{B}, {odd_area}, {D}",
                "{B}, {D}, {odd_patch}, {odd_patch}",
            ),
            (
                "It breaks where the positions are added, but the wrong number was made earlier.",
                "Compare the axis of tokens on both sides: the convolution made {odd_grid} × {odd_grid} patches, and "
                "the positions were counted by dividing areas: {odd_area}.",
                "The patch must divide the side of the image. {S} / {odd_patch} leaves {left_over} pixels at the "
                "edge, which the convolution drops silently.",
            ),
            (
                (
                    ("PATCH_SIZE = {P}", "PATCH_SIZE = {odd_patch}"),
                    (_COUNT, "num_patches = (image_size // patch_size) ** 2"),
                ),
                (("PATCH_SIZE = {P}", "PATCH_SIZE = {P}  # divides {S}"),),
                (
                    ("PATCH_SIZE = {P}", "PATCH_SIZE = {odd_patch}"),
                    (_POSITIONS, "torch.randn(1, num_patches, hidden_size)"),
                ),
            ),
        ),
        Bug(
            "flatten",
            "Flatten",
            "missing-flatten",
            ((_FLATTEN, "columns = feature_map"),),
            Place(_TRANSPOSE),
            "the output of `PatchEmbedding`, `columns.transpose(1, 2)`",
            ("{B}, {G}, {D}, {G}", "{B}, {N}, {D}", "{B}, {D}, {N}", "{B}, {G}, {G}, {D}"),
            (
                "`torch.cat` joins the class token to something that is not a list of tokens.",
                "The patches come with four axes: the grid still has rows and columns, {G} and {G}.",
                "A sequence has one axis for its tokens: [B, N, D]. Rows and columns become one axis with "
                "`flatten(2)`, before the axes are exchanged.",
            ),
            (
                ((_FLATTEN, "columns = feature_map.flatten(1)"),),
                ((_FLATTEN, "columns = feature_map.mean(dim=-1)"),),
                ((_FLATTEN, "columns = feature_map.flatten(start_dim=2, end_dim=3)"),),
            ),
        ),
        Bug(
            "transpose",
            "Rows and columns",
            "missing-permute",
            ((_TRANSPOSE, "return columns"),),
            Place(_FLATTEN),
            "`columns`, now the output of `PatchEmbedding`",
            ("{B}, {D}, {N}", "{B}, {N}, {D}", "{B}, {D}, {G}, {G}", "{D}, {B}, {N}"),
            (
                "`torch.cat` is given the class token and the patches, which have three axes each.",
                "The last axis of the class token has {D} numbers, that of the patches {N}: they are not the "
                "same axis.",
                "A convolution puts its channels second: [B, D, N]. A Transformer wants tokens second: [B, N, D]. "
                "Axes are exchanged by `transpose` or `permute`; `reshape` only cuts the row of numbers elsewhere.",
            ),
            (
                ((_TRANSPOSE, "return columns.reshape(columns.shape[0], -1, columns.shape[1])"),),
                ((_TRANSPOSE, "return columns.permute(0, 2, 1)"),),
                ((_TRANSPOSE, "return columns.transpose(0, 1)"),),
            ),
        ),
        Bug(
            "batch",
            "One image",
            "missing-batch",
            ((_BATCH, "images = self.prepare(pictures[0])"),),
            Place(_FLATTEN),
            "`columns`, with one image given to the model",
            ("{D}, {G}, {G}", "1, {D}, {N}", "{D}, {N}", "3, {D}, {N}"),
            (
                "The convolution accepts a single image. It breaks later, at `torch.cat`.",
                "The first axis should be images. Here it is channels: 3 of the image, {D} of the feature map.",
                "A model reads batches: one image is a batch of one, [1, 3, H, W]. Images become a batch with "
                "`torch.stack`, which makes a new axis; `torch.cat` makes none.",
            ),
            (
                ((_BATCH, "images = torch.cat([self.prepare(pixels) for pixels in pictures])"),),
                ((_BATCH, "images = self.prepare(pictures[0]).unsqueeze(0)"),),
                ((_BATCH, "images = torch.stack([self.prepare(pixels) for pixels in pictures], dim=0)"),),
                ((_BATCH, "images = torch.stack([self.prepare(pixels) for pixels in pictures], dim=1)"),),
            ),
        ),
        Bug(
            "class-token",
            "Class token",
            "class-token-not-expanded",
            ((_EXPAND, "class_token = self.class_token"),),
            Place(_JOIN),
            "`z`, the class token joined with the patches",
            ("{B}, {T}, {D}", "1, {T}, {D}", "{B}, {N}, {D}"),
            (
                "`torch.cat` is given one class token and the patches of {B} images.",
                "The first axis: 1 for the class token, {B} for the patches. `torch.cat` never stretches an axis.",
                "Every image needs the class token in front of its own patches: `expand` repeats the learned one B "
                "times, without copying it.",
            ),
            (
                ((_EXPAND, "class_token = self.class_token.repeat(images.shape[0], 1, 1)"),),
                ((_EXPAND, "class_token = self.class_token.expand(-1, images.shape[0], -1)"),),
                (
                    (_EXPAND, "class_token = self.class_token"),
                    (_JOIN, "z = torch.cat([class_token, patches[:1]], dim=1)"),
                ),
            ),
        ),
        Bug(
            "positions",
            "Positions",
            "positions-of-another-resolution",
            ((_POSITIONS, "torch.randn(1, 197, hidden_size)"),),
            Place(_JOIN),
            "`z`, before the positions are added",
            ("{B}, {T}, {D}", "{B}, 197, {D}", "{B}, {N}, {D}", "{B}, 196, {D}"),
            (
                "The sum of tokens and positions.",
                "The axis of tokens: {T} here, 197 positions. 197 = 14 × 14 + 1 is B/16 at 224 pixels.",
                "There is one position for each token, (H/P)² + 1. Positions of another resolution do not fit: they "
                "have to be learned for this one, or interpolated as images are.",
            ),
            (
                (
                    (_POSITIONS, "torch.randn(1, 197, hidden_size)"),
                    (_ADD, "z = z + self.position_embedding[:, :z.shape[1]]"),
                ),
                ((_POSITIONS, "torch.randn(1, num_patches, hidden_size)"),),
                ((_POSITIONS, "torch.randn(1, 1 + num_patches, hidden_size)"),),
            ),
        ),
        Bug(
            "heads",
            "Heads",
            "heads-do-not-divide",
            (("NUM_HEADS = {k}", "NUM_HEADS = {odd_heads}"),),
            Place(_NORM),
            "`normed`, the tokens that the attention of the first block is given",
            ("{B}, {T}, {D}", "{B}, {odd_heads}, {T}, {D}", "{B}, {T}, {odd_width}"),
            (
                "No operation failed: the model could not be built.",
                "The hidden axis: {D} numbers are to be shared by {odd_heads} heads, and {odd_left} would be "
                "left over.",
                "Every head reads D_h = D / k numbers of each token, so k has to divide D.",
            ),
            (
                (("NUM_HEADS = {k}", "NUM_HEADS = {k}  # divides {D}"),),
                (("NUM_HEADS = {k}", "NUM_HEADS = {odd_heads}"), ("HIDDEN_SIZE = {D}", "HIDDEN_SIZE = {odd_width}")),
                (
                    ("NUM_HEADS = {k}", "NUM_HEADS = {odd_heads}"),
                    (_ATTENTION, "nn.MultiheadAttention(hidden_size, num_heads, kdim=hidden_size, batch_first=True)"),
                ),
            ),
        ),
        Bug(
            "batch-first",
            "Batch first",
            "batch-first",
            ((_ATTENTION, "nn.MultiheadAttention(hidden_size, num_heads)"),),
            Place("attended, _ = self.attention", "softmax"),
            "the attention weights of the first block, all heads, which the softmax makes inside `self.attention`",
            ("{T}, {k}, {B}, {B}", "{B}, {k}, {T}, {T}", "{B}, {T}, {T}", "{T}, {k}, {T}, {T}"),
            (
                "No error is raised, and the logits have the right shape. Look inside the attention, at its softmax.",
                "Its last two axes show who looks at whom. They have {B} numbers, as many as there are images, "
                "instead of {T}, as many as there are tokens.",
                "Without `batch_first=True` PyTorch takes the first axis for the sequence. Then the images of a "
                "batch attend to each other, and the tokens of an image do not.",
            ),
            (
                (
                    (_ATTENTION, "nn.MultiheadAttention(hidden_size, num_heads)"),
                    (_NORM, "normed = self.attention_norm(z).transpose(0, 1)"),
                ),
                ((_ATTENTION, "nn.MultiheadAttention(hidden_size, num_heads)"), (_READ, "y = self.norm(z[0])")),
                (
                    (_ATTENTION, "nn.MultiheadAttention(hidden_size, num_heads)"),
                    (_NORM, "normed = self.attention_norm(z).transpose(0, 1)"),
                    (_SKIP, "z = attended.transpose(0, 1) + z"),
                ),
            ),
        ),
        Bug(
            "head",
            "Every token",
            "head-reads-all-tokens",
            ((_READ, "y = self.norm(z)"),),
            Place(_HEAD),
            "the logits",
            ("{B}, {T}, 10", "{B}, 10", "{T}, 10", "{B}, {T}, {D}"),
            (
                "No error is raised. The head gives more logits than expected.",
                "There is an axis of {T} tokens between the images and the classes.",
                "A linear layer works on the last axis and keeps all others. The head reads one vector for each "
                "image, the class token's, [B, D].",
            ),
            (
                ((_READ, "y = self.norm(z)[:, 0]"),),
                ((_READ, "y = self.norm(z[0])"),),
                ((_READ, "y = self.norm(z.mean(dim=-1))"),),
                ((_READ, "y = self.norm(z.mean(dim=1))"),),
            ),
        ),
        Bug(
            "channels",
            "Channels",
            "channels-last",
            ((_CHANNELS, "image = colours"),),
            Place(_BATCH),
            "`images`, which the model is given",
            ("{B}, {S}, {S}, 3", "{B}, 3, {S}, {S}", "{B}, {S}, 3, {S}", "{B}, {S}, {S}, 4"),
            (
                "The convolution looks at the second axis for channels.",
                "It finds {S} there, the height. The three colours are on the last axis.",
                "Pillow and NumPy store images as [H, W, C], PyTorch as [C, H, W]. `permute(2, 0, 1)` brings the "
                "colours to the front and keeps the rows.",
            ),
            (
                ((_CHANNELS, "image = colours.reshape(3, *colours.shape[:2])"),),
                ((_CHANNELS, "image = colours.transpose(0, 2)"),),
                ((_CHANNELS, "image = colours.permute(0, 2, 1)"),),
                ((_CHANNELS, "image = colours.movedim(-1, 0)"),),
            ),
        ),
        Bug(
            "opacity",
            "Opacity",
            "rgba",
            ((_COLOURS, "colours = pixels"),),
            Place(_BATCH),
            "`images`, which the model is given",
            ("{B}, 4, {S}, {S}", "{B}, 3, {S}, {S}", "{B}, {S}, {S}, 4", "4, {B}, {S}, {S}"),
            (
                "The convolution was made for three channels.",
                "The axis of channels has 4: red, green, blue, and how opaque the pixel is.",
                "A PNG may carry opacity, RGBA. The model has learned three colours: the fourth channel has to be "
                "dropped before, and it is the last.",
            ),
            (
                ((_COLOURS, "colours = pixels[:3]"),),
                ((_COLOURS, "colours = pixels[..., :3]"),),
                ((_COLOURS, "colours = pixels[:, :, 1:]"),),
                ((_COLOURS, "colours = pixels"), ("nn.Conv2d(3, hidden_size", "nn.Conv2d(4, hidden_size")),
            ),
        ),
        Bug(
            "join",
            "Join",
            "sequence-not-joined",
            ((_JOIN, "z = torch.cat([class_token, patches], dim=-1)"),),
            Place(_JOIN.replace("dim=1", "dim=-1")),
            "`z`, the class token joined with the patches",
            ("{B}, {T}, {D}", "{B}, {N}, {2*D}", "{B}, 1, {2*D}"),
            (
                "`torch.cat` itself.",
                "It joins along the last axis, so that all others must be equal: 1 token and {N} tokens are not.",
                "What is joined is the sequence: 1 token and N tokens become N + 1, along the axis of tokens.",
            ),
            (
                ((_JOIN, "z = torch.cat([class_token, patches], dim=0)"),),
                ((_JOIN, "z = torch.cat([class_token, patches], dim=-2)"),),
                ((_JOIN, "z = torch.cat([class_token.expand(-1, patches.shape[1], -1), patches], dim=-1)"),),
            ),
        ),
        Bug(
            "forgotten",
            "Forgotten token",
            "sequence-not-joined",
            ((_JOIN, "z = patches"),),
            Place(_TRANSPOSE),
            "`z`, which is what `PatchEmbedding` returned",
            ("{B}, {N}, {D}", "{B}, {T}, {D}", "{B}, {D}, {N}", "{B}, {N}, {T}"),
            (
                "The sum of tokens and positions.",
                "The axis of tokens: {N} tokens, {T} positions. One is missing.",
                "The class token is one of the N + 1 tokens, with a position of its own, and it is the one that the "
                "head reads. A model without it would read a patch instead.",
            ),
            (
                ((_JOIN, "z = class_token + patches"),),
                ((_JOIN, "z = patches"), (_POSITIONS, "torch.randn(1, num_patches, hidden_size)")),
                ((_JOIN, "z = patches"), (_ADD, "z = z + self.position_embedding[:, 1:]")),
                ((_JOIN, "z = torch.concatenate([class_token, patches], dim=1)"),),
            ),
        ),
        Bug(
            "long-vector",
            "One long vector",
            "head-reads-all-tokens",
            ((_READ, "y = self.norm(z).flatten(1)"),),
            Place("y = self.norm(z).flatten(1)"),
            "`y`, which the head is given",
            ("{B}, {T*D}", "{B}, {D}", "{B*T}, {D}", "{B}, {T}, {D}"),
            (
                "The linear layer of the head.",
                "Its input has {T*D} numbers in the last axis, one after another of all {T} tokens; its weight "
                "has {D}.",
                "After a convolutional network one flattens everything. After a Transformer the class token has "
                "gathered what the head needs: it reads that one, [B, D].",
            ),
            (
                (
                    (_READ, "y = self.norm(z).flatten(1)"),
                    ("nn.Linear(hidden_size, num_classes)", "nn.Linear((num_patches + 1) * hidden_size, num_classes)"),
                ),
                ((_READ, "y = self.norm(z.select(1, 0))"),),
                ((_READ, "y = self.norm(z).flatten(0, 1)"),),
            ),
        ),
        Bug(
            "typo",
            "A typo",
            None,
            (("nn.Linear(4 * hidden_size, hidden_size)", "nn.Linear(3 * hidden_size, hidden_size)"),),
            Place("hidden = gelu(", "gelu"),
            "`hidden`, the hidden layer of the MLP",
            ("{B}, {T}, {4*D}", "{B}, {T}, {3*D}", "{B}, {T}, {D}", "{B}, {4*D}"),
            (
                "The second linear layer of the MLP.",
                "The last axis: the hidden layer has {4*D} numbers for each token, the weight expects {3*D}.",
                "The output of a layer is the input of the next. Two numbers differ, and the shapes do not show "
                "which of them was meant. The diagnosis states this; the diff of your last change shows the answer.",
            ),
            (
                (
                    ("nn.Linear(hidden_size, 4 * hidden_size)", "nn.Linear(hidden_size, 3 * hidden_size)"),
                    ("nn.Linear(4 * hidden_size, hidden_size)", "nn.Linear(3 * hidden_size, hidden_size)"),
                ),
                (("nn.Linear(4 * hidden_size, hidden_size)", "nn.Linear(3 * hidden_size, 4 * hidden_size)"),),
                (("nn.Linear(4 * hidden_size, hidden_size)", "nn.Linear(hidden_size * 4, hidden_size)"),),
            ),
        ),
    )
}
