"""The Vision Transformer of "An Image is Worth 16x16 Words" (arXiv 2010.11929), Eq. 1-8.

Each ``forward`` reads as the paper's equations. Each ``trace`` computes the same numbers by the same operations and
returns what lies between; nothing is left behind on a module, so one model serves many threads at once. The line that
is an equation ends with its number. Modules accept any leading axes: one picture without a batch gives tensors with
exactly the paper's shapes.
"""

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from vit_core.config import ViTConfig
from vit_core.trace import AttentionTrace, BlockTrace, ChangedPass, ForwardTrace, MLPTrace, check_layer


class MultiheadSelfAttention(nn.Module):
    """Multi-head self-attention, MSA (paper, Appendix A)."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.head_size = config.head_size
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.projection = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)  # after every dense layer but qkv (paper B.1)

    def forward(self, z: Float[Tensor, "*batch tokens hidden"]) -> Float[Tensor, "*batch tokens hidden"]:
        """MSA(z)."""
        return self.trace(z).output

    def trace(self, z: Float[Tensor, "*batch tokens hidden"]) -> AttentionTrace:
        """MSA(z) with everything between: q, k, v, scores, A, the heads' outputs."""
        q, k, v = rearrange(self.qkv(z), "... t (three h d) -> three ... h t d", three=3, h=self.num_heads)  # Eq. 5
        scores = q / math.sqrt(self.head_size) @ k.transpose(-2, -1)  # N D_h divisions instead of N^2
        weights = scores.softmax(-1)  # Eq. 6
        head_outputs = weights @ v  # Eq. 7
        output = self.dropout(self.projection(rearrange(head_outputs, "... h t d -> ... t (h d)")))  # Eq. 8
        return AttentionTrace(q, k, v, scores, weights, head_outputs, output)


class MLP(nn.Module):
    """Two dense layers with a GELU between them (paper 3.1)."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.hidden_size, config.mlp_size)
        self.gelu = nn.GELU(approximate=config.gelu)
        self.contract = nn.Linear(config.mlp_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, z: Float[Tensor, "*batch tokens hidden"]) -> Float[Tensor, "*batch tokens hidden"]:
        """MLP(z). Written out, so that the hidden layer's memory is free again before it is needed twice."""
        return self.dropout(self.contract(self.dropout(self.gelu(self.expand(z)))))

    def trace(self, z: Float[Tensor, "*batch tokens hidden"]) -> MLPTrace:
        """MLP(z) with the hidden layer before and after the GELU."""
        hidden = self.expand(z)
        activated = self.gelu(hidden)
        output = self.dropout(self.contract(self.dropout(activated)))
        return MLPTrace(hidden, activated, output)


class EncoderBlock(nn.Module):
    """One layer of the Transformer encoder: attention, then MLP, each after a LayerNorm and with a skip path."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.attention = MultiheadSelfAttention(config)
        self.mlp_norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.mlp = MLP(config)

    def forward(self, z: Float[Tensor, "*batch tokens hidden"]) -> Float[Tensor, "*batch tokens hidden"]:
        """z_l from z_{l-1}."""
        z = self.attention(self.attention_norm(z)) + z  # Eq. 2
        return self.mlp(self.mlp_norm(z)) + z  # Eq. 3

    def forward_with_weights(
        self, z: Float[Tensor, "*batch tokens hidden"]
    ) -> tuple[Float[Tensor, "*batch tokens hidden"], Float[Tensor, "*batch heads tokens tokens"]]:
        """z_l and A: what a ForwardTrace keeps of a layer, and no memory for the rest of it."""
        attention = self.attention.trace(self.attention_norm(z))
        z = attention.output + z
        return self.mlp(self.mlp_norm(z)) + z, attention.weights

    def trace(self, z: Float[Tensor, "*batch tokens hidden"]) -> BlockTrace:
        """z_l from z_{l-1} with everything between."""
        attention = self.attention.trace(attention_input := self.attention_norm(z))
        after_attention = attention.output + z
        mlp = self.mlp.trace(mlp_input := self.mlp_norm(after_attention))
        return BlockTrace(
            z, attention_input, attention, after_attention, mlp_input, mlp, output=mlp.output + after_attention
        )


class ClassificationHead(nn.Module):
    """Logits from y: one linear layer, or, as at pre-training, with a hidden tanh layer before it (paper 3.1, D.3)."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        size = config.representation_size
        self.pre_logits = nn.Linear(config.hidden_size, size) if size else None
        self.linear = nn.Linear(size or config.hidden_size, config.num_classes)

    def reset_parameters(self) -> None:
        """Initialise as the paper's code does: the hidden layer at random, the linear layer zero."""
        if self.pre_logits is not None:
            _lecun_normal(self.pre_logits.weight)
            nn.init.zeros_(self.pre_logits.bias)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, y: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch classes"]:
        """The logits of K classes."""
        return self.linear(self.inputs(y))

    def inputs(self, y: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch head_input"]:
        """The input of the linear layer: y, or the hidden tanh layer."""
        return y if self.pre_logits is None else torch.tanh(self.pre_logits(y))


class VisionTransformer(nn.Module):
    """The Vision Transformer: patches, position, L encoder blocks, and a head that reads the class token."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        # A convolution whose kernel and stride are one patch is the linear map x_p E (see projection_matrix).
        self.patch_projection = nn.Conv2d(
            config.num_channels, config.hidden_size, kernel_size=config.patch_size, stride=config.patch_size
        )
        self.class_token = nn.Parameter(torch.empty(1, config.hidden_size))
        self.position_embedding = nn.Parameter(torch.empty(config.num_tokens, config.hidden_size))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(EncoderBlock(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.head = ClassificationHead(config)
        if not self.class_token.is_meta:  # nothing to fill, and trying to would import torch's compiler, a second
            self.reset_parameters()

    def forward(self, images: Float[Tensor, "*batch channels height width"]) -> Float[Tensor, "*batch classes"]:
        """Logits of each picture.

        Raises:
            ValueError: if the pictures do not have the size and channels of ``config``.
        """
        z = self.embed(self.embed_patches(images))
        return self.classify(self.encode(z))

    def embed_patches(
        self, images: Float[Tensor, "*batch channels height width"]
    ) -> Float[Tensor, "*batch patches hidden"]:
        """x_p E: every patch times the patch projection.

        Raises:
            ValueError: if the pictures do not have the size and channels of ``config``.
        """
        expected = (self.config.num_channels, self.config.image_size, self.config.image_size)
        if tuple(images.shape[-3:]) != expected:
            raise ValueError(f"expected images of shape [..., {_sizes(expected)}], got [{_sizes(images.shape)}]")
        feature_map = self.patch_projection(images.reshape(-1, *expected))
        return rearrange(feature_map, "n d rows columns -> n (rows columns) d").reshape(
            *images.shape[:-3], self.config.num_patches, self.config.hidden_size
        )

    def embed(self, patch_embeddings: Float[Tensor, "*batch patches hidden"]) -> Float[Tensor, "*batch tokens hidden"]:
        """z_0: the class token before the patch embeddings, and the position embedding added to all."""
        class_token = self.class_token.expand(*patch_embeddings.shape[:-2], 1, -1)
        z = torch.cat([class_token, patch_embeddings], dim=-2) + self.position_embedding  # Eq. 1
        return self.dropout(z)

    def encode(self, z: Float[Tensor, "*batch tokens hidden"]) -> Float[Tensor, "*batch tokens hidden"]:
        """z_L from z_0: all encoder blocks."""
        for block in self.blocks:
            z = block(z)
        return z

    def represent(self, z: Float[Tensor, "*batch tokens hidden"]) -> Float[Tensor, "*batch hidden"]:
        """y, the representation of the picture: what the class token has become."""
        return self.norm(z[..., 0, :])  # Eq. 4

    def classify(self, z: Float[Tensor, "*batch tokens hidden"]) -> Float[Tensor, "*batch classes"]:
        """Logits from z_L."""
        return self.head(self.represent(z))

    @torch.no_grad()
    def trace(
        self, image: Float[Tensor, "channels height width"], interventions: ChangedPass | None = None
    ) -> ForwardTrace:
        """One picture's forward pass with what lies between; ``trace_block`` gives the insides of a layer.

        With ``interventions`` it is the pass with these changes in it, and the trace remembers them.

        Raises:
            ValueError: if ``image`` is not one picture of the size of ``config``, dropout is switched on, or the
                interventions do not fit this model.
        """
        self._check_traceable(image)
        if interventions:
            return interventions.trace(self, image)
        z = self.embed(patch_embeddings := self.embed_patches(image))
        hidden_states, attention_weights = [z], []
        for layer in range(1, self.config.num_layers + 1):
            z, weights = self.block(layer).forward_with_weights(z)
            hidden_states.append(z)
            attention_weights.append(weights)
        y = self.represent(z)
        return ForwardTrace(image, patch_embeddings, tuple(hidden_states), tuple(attention_weights), y, self.head(y))

    @torch.no_grad()
    def trace_block(self, trace: ForwardTrace, layer: int) -> BlockTrace:
        """The insides of ``layer`` (1..L), recomputed from ``trace.hidden_states[layer - 1]``: the same bits.

        What was changed in the trace is changed here, too.

        Raises:
            ValueError: if ``layer`` is not in 1..L.
        """
        check_layer(layer, len(self.blocks))
        if trace.interventions:
            return trace.interventions.trace_block(self, trace, layer)
        return self.block(layer).trace(trace.hidden_states[layer - 1])

    def block(self, layer: int) -> EncoderBlock:
        """The encoder block of ``layer``, counted from 1 as in the paper.

        Raises:
            ValueError: if ``layer`` is not in 1..L.
        """
        check_layer(layer, len(self.blocks))
        block = self.blocks[layer - 1]
        assert isinstance(block, EncoderBlock)
        return block

    @property
    def projection_matrix(self) -> Float[Tensor, "patch_dim hidden"]:
        """E: ``patchify(image) @ E + bias`` is what the convolution computes."""
        return rearrange(self.patch_projection.weight, "d c p1 p2 -> (p1 p2 c) d")

    def reset_parameters(self) -> None:
        """Initialise as the paper's code does (vit_jax/models_vit.py with Flax's defaults)."""
        _lecun_normal(self.patch_projection.weight)
        nn.init.zeros_(_bias(self.patch_projection))
        nn.init.zeros_(self.class_token)
        nn.init.normal_(self.position_embedding, std=0.02)
        for layer in range(1, self.config.num_layers + 1):
            block = self.block(layer)
            for third in block.attention.qkv.weight.chunk(3):  # q, k and v are three D x D maps, not one D x 3D
                nn.init.xavier_uniform_(third)
            nn.init.zeros_(block.attention.qkv.bias)
            nn.init.xavier_uniform_(block.attention.projection.weight)
            nn.init.zeros_(block.attention.projection.bias)
            for dense in (block.mlp.expand, block.mlp.contract):
                nn.init.xavier_uniform_(dense.weight)
                nn.init.normal_(dense.bias, std=1e-6)
        self.head.reset_parameters()

    def _check_traceable(self, image: Tensor) -> None:
        expected = (self.config.num_channels, self.config.image_size, self.config.image_size)
        if tuple(image.shape) != expected:
            raise ValueError(f"expected one image of shape [{_sizes(expected)}], got [{_sizes(image.shape)}]")
        if self.training and self.config.dropout:
            raise ValueError("dropout would make the trace differ from the prediction: call eval() on the model first")


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def _lecun_normal(weight: Tensor) -> None:
    """Truncated normal of variance 1 / fan_in, Flax's default for dense and convolution kernels."""
    fan_in = weight[0].numel()
    std = math.sqrt(1 / fan_in) / 0.87962566103423978  # the standard deviation that is left after cutting at 2
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)
