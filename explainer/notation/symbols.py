"""Every letter of the paper's equations and shapes: how it is written, what it means, what the code calls it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Symbol:
    """A letter of the paper. ``quantity`` is its colour's key in the palette; ``axes`` its shape, for one head."""

    name: str
    latex: str
    meaning: str
    code: tuple[str, ...] = ()  # names in vit_core that hold or make it, or the way to it, from the layer or the model
    quantity: str | None = None
    axes: tuple[str, ...] = ()


_SIZES = (
    Symbol("H", "H", "height of the image in pixels", ("image_size",)),
    Symbol("W", "W", "width of the image in pixels; here images are square, so W = H", ("image_size",)),
    Symbol("C", "C", "colour channels of the image: red, green, blue", ("num_channels",)),
    Symbol("P", "P", "side of a patch in pixels", ("patch_size",)),
    Symbol("N", "N", "number of patches; with the class token the sequence has N + 1 tokens", ("num_patches",)),
    Symbol("D", "D", "hidden size: how many numbers describe a token, the same in every layer", ("hidden_size",)),
    Symbol("L", "L", "number of encoder layers", ("num_layers",)),
    Symbol("k", "k", "number of attention heads; not to be confused with the bold k of the keys", ("num_heads",)),
    Symbol("D_h", "D_h", "size of a query, key or value of one head: D / k", ("head_size",)),
    Symbol(
        "D_MLP", r"D_{\mathrm{MLP}}", "width of the MLP's hidden layer: four times D in every preset", ("mlp_size",)
    ),
    Symbol("K", "K", "number of classes", ("num_classes",)),
    Symbol("eps", r"\epsilon", "a small number that keeps LayerNorm from dividing by zero", ("norm_eps",)),
)
_INDICES = (
    Symbol("l", r"\ell", "which layer, counted from 1 to L", ("layer",)),
    Symbol("i", "i", "which token: 0 is the class token, 1 to N are the patches, row by row"),
    Symbol("j", "j", "which component of a vector, or the token looked at"),
    Symbol("h", "h", "which head, counted from 1 to k"),
    Symbol("m", "m", "an index that a sum runs over"),
)
_TENSORS = (
    Symbol(
        "x",
        r"\mathbf{x}",
        "the image, after preprocessing; in the program its channels come first",
        ("image", "images"),
        "image",
        ("height", "width", "channels"),
    ),
    Symbol(
        "x_p",
        r"\mathbf{x}_p",
        "the patches, each flattened to one row",
        ("patchify",),
        "image",
        ("patches", "patch_dim"),
    ),
    Symbol(
        "x_pE",
        r"\mathbf{x}_p\mathbf{E}",
        "the patch embeddings: every patch times E; in the program b_E is added",
        ("patch_embeddings",),
        "E",
        ("patches", "hidden"),
    ),
    Symbol(
        "z",
        r"\mathbf{z}",
        "a sequence of tokens, one row each: what a layer works on",
        ("z",),
        "z",
        ("tokens", "hidden"),
    ),
    Symbol(
        "z_0",
        r"\mathbf{z}_{0}",
        "the tokens that enter the encoder: embedded and with their positions",
        ("hidden_states",),
        "z",
        ("tokens", "hidden"),
    ),
    Symbol(
        "z_{l-1}",
        r"\mathbf{z}_{\ell-1}",
        "the tokens that enter this layer",
        ("input", "hidden_states"),
        "z",
        ("tokens", "hidden"),
    ),
    Symbol(
        "z'_l",
        r"\mathbf{z}'_{\ell}",
        "the tokens of this layer after attention, before the MLP",
        ("after_attention",),
        "z",
        ("tokens", "hidden"),
    ),
    Symbol(
        "z_l",
        r"\mathbf{z}_{\ell}",
        "the tokens that leave this layer",
        ("output", "hidden_states"),
        "z",
        ("tokens", "hidden"),
    ),
    Symbol(
        "z_L", r"\mathbf{z}_{L}", "the tokens that leave the last layer", ("hidden_states",), "z", ("tokens", "hidden")
    ),
    Symbol("z_l^0", r"\mathbf{z}_{\ell}^{0}", "the class token after this layer", (), "z", ("hidden",)),
    Symbol("z_L^0", r"\mathbf{z}_{L}^{0}", "the class token after the last layer", (), "z", ("hidden",)),
    Symbol(
        "LN(z_{l-1})",
        r"\operatorname{LN}(\mathbf{z}_{\ell-1})",
        "the tokens after the LayerNorm before attention",
        ("attention_input",),
        "z",
        ("tokens", "hidden"),
    ),
    Symbol(
        "LN(z'_l)",
        r"\operatorname{LN}(\mathbf{z}'_{\ell})",
        "the tokens after the LayerNorm before the MLP",
        ("mlp_input",),
        "z",
        ("tokens", "hidden"),
    ),
    Symbol(
        "q",
        r"\mathbf{q}",
        "queries of one head: what each token looks for",
        ("query", "q"),
        "q",
        ("tokens", "head_size"),
    ),
    Symbol(
        "key",
        r"\mathbf{k}",
        "keys of one head: what each token contains",
        ("key", "k"),
        "k",
        ("tokens", "head_size"),
    ),
    Symbol(
        "v",
        r"\mathbf{v}",
        "values of one head: what each token passes on when it is looked at",
        ("value", "v"),
        "v",
        ("tokens", "head_size"),
    ),
    Symbol(
        "S",
        r"\mathbf{S}",
        "attention scores of one head, before the softmax (the paper gives them no letter)",
        ("scores",),
        "A",
        ("tokens", "tokens"),
    ),
    Symbol(
        "A",
        "A",
        "attention weights of one head: row i shows how token i distributes its attention; rows sum to 1",
        ("weights", "attention_weights"),
        "A",
        ("tokens", "tokens"),
    ),
    Symbol(
        "SA(z)",
        r"\operatorname{SA}(\mathbf{z})",
        "the output of one head: values, averaged with the weights",
        ("head_outputs",),
        "v",
        ("tokens", "head_size"),
    ),
    Symbol(
        "MSA(z)",
        r"\operatorname{MSA}(\mathbf{z})",
        "the output of attention: all heads joined and mixed by U_msa",
        ("attention.output",),
        "v",
        ("tokens", "hidden"),
    ),
    Symbol(
        "a",
        r"\mathbf{a}",
        "the MLP's hidden layer before the GELU (the paper gives it no letter)",
        ("hidden",),
        "mlp",
        ("tokens", "mlp"),
    ),
    Symbol(
        "GELU(a)",
        r"\operatorname{GELU}(\mathbf{a})",
        "the MLP's hidden layer after the GELU",
        ("activated",),
        "mlp",
        ("tokens", "mlp"),
    ),
    Symbol(
        "MLP(z)",
        r"\operatorname{MLP}(\mathbf{z})",
        "the output of the MLP",
        ("mlp.output",),
        "mlp",
        ("tokens", "hidden"),
    ),
    Symbol(
        "y",
        r"\mathbf{y}",
        "the representation of the whole image: the class token after the last LayerNorm",
        ("representation", "y"),
        "y",
        ("hidden",),
    ),
    Symbol(
        "logits",
        r"\mathbf{o}",
        "logits: one score per class (the paper gives them no letter)",
        ("logits",),
        "y",
        ("classes",),
    ),
    Symbol("p", r"\mathbf{p}", "probabilities: the softmax of the logits", ("probabilities",), "y", ("classes",)),
    Symbol(
        "R",
        r"\mathbf{R}",
        "attention rollout: how much of each patch has reached each token",
        ("attention_rollout",),
        "A",
        ("tokens", "tokens"),
    ),
    Symbol(
        "A~_l",
        r"\tilde{A}_{\ell}",
        "a layer's attention, averaged over heads, with half of it the skip path",
        (),
        "A",
        ("tokens", "tokens"),
    ),
)
_PARAMETERS = (
    Symbol(
        "E",
        r"\mathbf{E}",
        "the patch projection, learned: turns a patch into D numbers",
        ("patch_projection", "projection_matrix"),
        "E",
        ("patch_dim", "hidden"),
    ),
    Symbol(
        "x_class",
        r"\mathbf{x}_{\text{class}}",
        "the class token, learned: the row from which the class is read",
        ("class_token",),
        "class_token",
        ("1", "hidden"),
    ),
    Symbol(
        "E_pos",
        r"\mathbf{E}_{pos}",
        "the position embedding, learned: one row for each place in the sequence",
        ("position_embedding",),
        "E_pos",
        ("tokens", "hidden"),
    ),
    Symbol(
        "b_E",
        r"\mathbf{b}_E",
        "the bias of the patch projection, learned; the paper leaves biases out",
        ("patch_projection.bias",),
        "E",
        ("hidden",),
    ),
    Symbol(
        "U_qkv",
        r"\mathbf{U}_{qkv}",
        "learned: makes queries, keys and values, for one head",
        ("qkv",),
        None,
        ("hidden", "3 head_size"),
    ),
    Symbol(
        "U_msa",
        r"\mathbf{U}_{msa}",
        "learned: mixes the joined heads back into D numbers",
        ("projection",),
        None,
        ("heads head_size", "hidden"),
    ),
    Symbol(
        "W_1",
        r"\mathbf{W}_1",
        "the MLP's first dense layer, learned: D to four times D",
        ("expand",),
        "mlp",
        ("hidden", "mlp"),
    ),
    Symbol("b_1", r"\mathbf{b}_1", "its bias, learned", ("mlp.expand.bias",), "mlp", ("mlp",)),
    Symbol(
        "W_2",
        r"\mathbf{W}_2",
        "the MLP's second dense layer, learned: back to D",
        ("contract",),
        "mlp",
        ("mlp", "hidden"),
    ),
    Symbol("b_2", r"\mathbf{b}_2", "its bias, learned", ("mlp.contract.bias",), "mlp", ("hidden",)),
    Symbol(
        "gamma",
        r"\boldsymbol{\gamma}",
        "LayerNorm's scale, learned, one number per component",
        ("norm.weight", "attention_norm.weight", "mlp_norm.weight"),
        None,
        ("hidden",),
    ),
    Symbol(
        "beta",
        r"\boldsymbol{\beta}",
        "LayerNorm's shift, learned, one number per component",
        ("norm.bias", "attention_norm.bias", "mlp_norm.bias"),
        None,
        ("hidden",),
    ),
    Symbol(
        "W_head",
        r"\mathbf{W}",
        "the classification head, learned: turns y into one score per class",
        ("linear",),
        "y",
        ("representation", "classes"),
    ),
    Symbol(
        "b_head", r"\mathbf{b}", "the classification head's bias, learned", ("head.linear.bias",), "y", ("classes",)
    ),
    # Without axes: most heads have no hidden layer, and then these have no shape.
    Symbol(
        "y_tanh",
        r"\tilde{\mathbf{y}}",
        "the head's hidden layer, if it has one, as in pre-training; otherwise y",
        ("head.inputs",),
        "y",
    ),
    Symbol("W_pre", r"\mathbf{W}_{\text{pre}}", "its weights, learned", ("head.pre_logits.weight",), "y"),
    Symbol("b_pre", r"\mathbf{b}_{\text{pre}}", "its bias, learned", ("head.pre_logits.bias",), "y"),
    Symbol("I", r"\mathbf{I}", "the identity: every token looks only at itself"),
)
_OPERATIONS = (
    Symbol(
        "LN",
        r"\operatorname{LN}",
        "LayerNorm: each token alone is brought to mean 0 and standard deviation 1, then scaled",
        ("norm", "attention_norm", "mlp_norm"),
    ),
    Symbol("SA", r"\operatorname{SA}", "self-attention of one head"),
    Symbol("MSA", r"\operatorname{MSA}", "multi-head self-attention: k heads side by side"),
    Symbol(
        "MLP", r"\operatorname{MLP}", "two dense layers with a GELU between them, each token alone", ("mlp",), "mlp"
    ),
    Symbol(
        "GELU", r"\operatorname{GELU}", "a soft threshold: passes large numbers, drops negative ones", ("gelu",), "mlp"
    ),
    Symbol("softmax", r"\operatorname{softmax}", "turns scores into shares that are positive and sum to 1"),
    Symbol("mu", r"\mu", "mean over the D numbers of one token"),
    Symbol("sigma", r"\sigma", "standard deviation over the D numbers of one token"),
    Symbol("Phi", r"\Phi", "the share of a standard normal distribution that lies below a number"),
)

SYMBOLS = {symbol.name: symbol for symbol in (*_SIZES, *_INDICES, *_TENSORS, *_PARAMETERS, *_OPERATIONS)}

# Name in the code -> the quantity whose colour it wears. Names that several kinds of tensors share wear none.
_SHARED = {"hidden", "input", "output", "linear"}
QUANTITY_OF_NAME = {
    name: symbol.quantity
    for symbol in SYMBOLS.values()
    if symbol.quantity is not None
    for name in symbol.code
    if name not in _SHARED
}
