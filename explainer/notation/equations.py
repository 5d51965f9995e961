"""The paper's eight equations, and the formulas that they lean on: LaTeX, words, pseudocode, and the code itself.

The numbered equations are the paper's to the letter (Section 3.1 and Appendix A). Where the code does more than the
letter says, above all the biases, the formulas and ``docs/deviations.md`` say so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explainer.notation import templates as notation
from explainer.palette import Scheme
from vit_core import ViTConfig, attention_rollout, count_parameters, mean_attention_distance, patchify
from vit_core.model import MLP, ClassificationHead, EncoderBlock, MultiheadSelfAttention, VisionTransformer


class Written:
    """A template of ``explainer.notation.templates`` and the LaTeX made of it."""

    template: str
    numbers: str  # the same with this model's numbers; empty where that would say nothing more

    @property
    def latex(self) -> str:
        """LaTeX without colours, as the paper prints it."""
        return notation.plain(self.template)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Keys of ``SYMBOLS``, in the order they appear."""
        return notation.symbols_in(self.template)

    @property
    def essence(self) -> str:
        """The template without the sizes and ranges that the paper writes behind it."""
        return self.template.partition(r", \qquad")[0]

    @property
    def lines(self) -> tuple[str, ...]:
        """The templates of what a page writes: the equation, and below it the same with numbers."""
        return (self.template, self.numbers) if self.numbers else (self.template,)

    def coloured(self, scheme: Scheme) -> str:
        """LaTeX in which every quantity wears its colour."""
        return notation.coloured(self.template, scheme)

    def with_numbers(self, config: ViTConfig, scheme: Scheme | None = None, layer: int | None = None) -> str:
        """The same with this model's sizes and the shape below each tensor; ``layer`` replaces its letter."""
        return notation.numbered(self.numbers, config, scheme, layer)


@dataclass(frozen=True)
class Formula(Written):
    """A formula in the paper's notation, what it says in words, and the code that computes it."""

    name: str
    title: str
    template: str
    in_words: str
    code: Callable[..., Any] | None = None
    numbers: str = ""  # the same with this model's numbers, where that says more
    statements: tuple[str, ...] = ()  # how the statements of the code begin that compute it; none: the last one


@dataclass(frozen=True)
class Equation(Written):
    """A numbered equation of the paper and the function that computes it."""

    number: int
    title: str
    template: str
    numbers: str  # the same with this model's numbers, a template too
    code: Callable[..., Any]  # its source has one line that ends with "# Eq. <number>"
    in_words: str
    pseudocode: str
    source: str  # where in the paper


_LAYERS = r", \qquad <l> = 1 \ldots <L>"

EQUATIONS = {
    equation.number: equation
    for equation in (
        Equation(
            1,
            "Embed the patches and add their positions",
            r"<z_0> = [<x_class>; \, <x_p:\mathbf{x}_p^{1}><E>; \, <x_p:\mathbf{x}_p^{2}><E>; \cdots; \,"
            r" <x_p:\mathbf{x}_p^{N}><E>] + <E_pos>, \qquad"
            r" <E> \in \mathbb{R}^{(<P>^2 \cdot <C>) \times <D>}, \; <E_pos> \in \mathbb{R}^{(<N> + 1) \times <D>}",
            r"\begin{aligned} <z_0!> &= [<x_class!>; \, \underbrace{<x_p:\mathbf{x}_p^{1}><E>; \cdots; \,"
            r" <x_p:\mathbf{x}_p^{<#N>}><E>}_{<#N> \times <#D>}] + <E_pos!> \\[4pt]"
            r" <N> &= \frac{<H><W>}{<P>^2} = \frac{<#H> \cdot <#W>}{<#P>^2} = <#N>, \qquad"
            r" <P>^2 <C> = <#P>^2 \cdot <#C> = <#P^2C>, \qquad <E> \in \mathbb{R}^{<#P^2C> \times <#D>} \end{aligned}",
            VisionTransformer.embed,
            "Every patch is multiplied by the same matrix E and becomes a row of D numbers. One more row, the class"
            " token, is put in front. Then every row gets the position embedding of its place added.",
            "x_input = [class_token, image_patch_1, image_patch_2, ..., image_patch_N]\n"
            "        + [class_token_position, image_patch_1_position, ..., image_patch_N_position]",
            "Section 3.1",
        ),
        Equation(
            2,
            "Attention with a skip path",
            r"<z'_l> = <MSA>(<LN>(<z_{l-1}>)) + <z_{l-1}>" + _LAYERS,
            r"\begin{aligned} <z'_l!> &= <MSA>(<LN>(<z_{l-1}!>)) + <z_{l-1}!> \\[4pt]"
            r" \text{layer } & <#l> \text{ of } <L> = <#L>, \qquad <k> = <#k> \text{ heads of }"
            r" <D_h> = <D>/<k> = <#D>/<#k> = <#D_h> \end{aligned}",
            EncoderBlock.forward,
            "The tokens are normalised, look at each other in k attention heads, and what they find is added to what"
            " they were.",
            "x_output_MSA_block = MSA_layer(LN_layer(x_input)) + x_input",
            "Section 3.1",
        ),
        Equation(
            3,
            "The MLP with a skip path",
            r"<z_l> = <MLP>(<LN>(<z'_l>)) + <z'_l>" + _LAYERS,
            r"\begin{aligned} <z_l!> &= <MLP>(<LN>(<z'_l!>)) + <z'_l!> \\[4pt]"
            r" <MLP> &: \; <D> = <#D> \;\to\; <D_MLP> = <#D_MLP> \;\to\; <D> = <#D>, \qquad"
            r" \text{layer } <#l> \text{ of } <L> = <#L> \end{aligned}",
            EncoderBlock.forward,
            "The tokens are normalised again, each one alone goes through two dense layers with a GELU between them,"
            " and the result is added to what went in.",
            "x_output_MLP_block = MLP_layer(LN_layer(x_output_MSA_block)) + x_output_MSA_block",
            "Section 3.1",
        ),
        Equation(
            4,
            "Read the class token",
            r"<y> = <LN>(<z_L^0>)",
            r"<y!> = <LN>(<z_L^0!>), \qquad <L> = <#L>",
            VisionTransformer.represent,
            "After the last layer the class token alone is normalised: it now stands for the whole image. The head"
            " turns it into one score per class.",
            "y = Linear_layer(LN_layer(x_output_MLP_block[0]))",
            "Section 3.1",
        ),
        Equation(
            5,
            "Queries, keys, values",
            r"[<q>, <key>, <v>] = <z> <U_qkv>, \qquad <U_qkv> \in \mathbb{R}^{<D> \times 3<D_h>}",
            r"[<q!>, <key!>, <v!>] = <z!> \, <U_qkv!> \qquad \text{for each head},\; <k> = <#k>",
            MultiheadSelfAttention.trace,
            "One learned map turns every token into three vectors for each head: a query, a key and a value.",
            "q, k, v = split(QKV_layer(z))  # for every head",
            "Appendix A",
        ),
        Equation(
            6,
            "Attention weights",
            r"<A> = <softmax>\left(<q><key>^\top / \sqrt{<D_h>}\right), \qquad <A> \in \mathbb{R}^{<N> \times <N>}",
            r"<A!> = <softmax>\Big(<q!> \, {<key!>}^{\top} \Big/ \sqrt{<#D_h>}\Big), \qquad"
            r" \sqrt{<#D_h>} \approx <#sqrt(D_h)>, \quad <N> + 1 = <#N+1> \text{ tokens}",
            MultiheadSelfAttention.trace,
            "Every query is compared with every key by a dot product, the scores are divided by the square root of "
            "the head size, and a softmax turns each row into shares that sum to 1.",
            "weights = softmax(q @ transpose(k) / sqrt(head_size))",
            "Appendix A",
        ),
        Equation(
            7,
            "The output of a head",
            r"<SA>(<z>) = <A><v>",
            r"\underbrace{<SA>(<z>)}_{<#N+1> \times <#D_h>} = <A!> \, <v!>",
            MultiheadSelfAttention.trace,
            "Each token receives the average of all values, weighted by its row of A.",
            "head_output = weights @ v",
            "Appendix A",
        ),
        Equation(
            8,
            "Join the heads",
            r"<MSA>(<z>) = [<SA:\operatorname{SA}_1>(<z>); \, <SA:\operatorname{SA}_2>(<z>); \cdots; \,"
            r" <SA:\operatorname{SA}_k>(<z>)] \, <U_msa>, \qquad"
            r" <U_msa> \in \mathbb{R}^{<k> \cdot <D_h> \times <D>}",
            r"\underbrace{<MSA>(<z>)}_{<#N+1> \times <#D>} ="
            r" [\underbrace{<SA:\operatorname{SA}_1>(<z>); \cdots; \, <SA:\operatorname{SA}_{<#k>}>(<z>)}"
            r"_{<#N+1> \times (<#k> \cdot <#D_h>)}] \, <U_msa!>",
            MultiheadSelfAttention.trace,
            "The outputs of all heads are laid side by side, and one more learned map mixes them back into D numbers"
            " per token.",
            "MSA_output = Linear_layer(concatenate(head_output_1, ..., head_output_k))",
            "Appendix A",
        ),
    )
}

FORMULAS = {
    formula.name: formula
    for formula in (
        Formula(
            "num_patches",
            "How many patches",
            r"<N> = \frac{<H><W>}{<P>^2}",
            "As many as squares of P by P pixels fit on the image.",
            numbers=r"<N> = \frac{<#H> \cdot <#W>}{<#P>^2} = <#N>",
        ),
        Formula(
            "patch_projection",
            "The linear map is a convolution",
            r"<x_p:\mathbf{x}_p^{i}> <E> + <b_E> = (<x> * <E>)_{\text{row } <i>, \, \text{stride } <P>} + <b_E>",
            "Multiplying each flattened patch by E gives the same numbers as a convolution whose kernel and stride are"
            " one patch: its D filters are the columns of E.",
            VisionTransformer.embed_patches,
            r"\underbrace{<x_p:\mathbf{x}_p^{i}>}_{1 \times <#P^2C>} \, <E!> + <b_E!>, \qquad <i> = 1 \ldots <#N>",
            statements=("feature_map =",),
        ),
        Formula(
            "patchify",
            "Cut and flatten",
            r"<x> \in \mathbb{R}^{<H> \times <W> \times <C>} \;\to\;"
            r" <x_p> \in \mathbb{R}^{<N> \times (<P>^2 \cdot <C>)}",
            "The image becomes N rows; a row holds one patch, pixel by pixel, with its colours together.",
            patchify,
            r"<x!> \;\to\; <x_p!>, \qquad <P>^2 \cdot <C> = <#P>^2 \cdot <#C> = <#P^2C>",
        ),
        Formula(
            "layer_norm",
            "LayerNorm",
            r"<LN>(<z>) = <gamma> \odot \frac{<z> - <mu>}{\sqrt{<sigma>^2 + <eps>}} + <beta>, \qquad"
            r" <mu> = \frac{1}{<D>} \sum_{<j>=1}^{<D>} <z:\mathrm{z}_j>, \quad"
            r" <sigma>^2 = \frac{1}{<D>} \sum_{<j>=1}^{<D>} (<z:\mathrm{z}_j> - <mu>)^2",
            "Each token alone: subtract its mean, divide by its standard deviation, then scale and shift every "
            "component with learned numbers.",
            numbers=r"<D> = <#D>, \qquad <eps> = <#eps>",
        ),
        Formula(
            "scores",
            "Attention scores",
            r"<S> = \frac{<q><key>^\top}{\sqrt{<D_h>}}",
            "Row i compares the query of token i with every key. Without the division, scores would grow with the head"
            " size and the softmax would pick a single token.",
            MultiheadSelfAttention.trace,
            numbers=r"<S!> = <q!> \, {<key!>}^{\top} \Big/ \sqrt{<#D_h>}, \qquad \sqrt{<#D_h>} \approx <#sqrt(D_h)>",
            statements=("scores =",),
        ),
        Formula(
            "softmax",
            "Softmax",
            r"<softmax>(<S>)_{<i><j>} = \frac{\exp(<S:S_{ij}>)}{\sum_{<m>} \exp(<S:S_{im}>)}",
            "Exponentials make every number positive, the division makes each row sum to 1.",
        ),
        Formula(
            "mlp",
            "The MLP",
            r"<MLP>(<z>) = <GELU>(<z> <W_1> + <b_1>) \, <W_2> + <b_2>",
            "From D numbers to four times as many, a soft threshold, and back to D.",
            MLP.trace,
            r"\underbrace{<MLP>(<z>)}_{<#N+1> \times <#D>} = <GELU>(<z!> \, <W_1!> + <b_1!>) \, <W_2!> + <b_2!>",
            statements=("hidden =", "activated =", "output ="),
        ),
        Formula(
            "gelu",
            "GELU",
            r"<GELU>(<a:a>) = <a:a> \cdot <Phi>(<a:a>) ="
            r" \frac{<a:a>}{2} \left(1 + \operatorname{erf}\frac{<a:a>}{\sqrt{2}}\right)",
            "A number times the share of a standard normal distribution that lies below it: large numbers pass, "
            "negative ones vanish, and the curve between them is smooth.",
        ),
        Formula(
            "gelu_tanh",
            "GELU with tanh",
            r"<GELU>(<a:a>) \approx \frac{<a:a>}{2} \left(1 + \tanh\left(\sqrt{2/\pi} \, "
            r"(<a:a> + 0.044715 \, <a:a>^3)\right)\right)",
            "The approximation that the paper's own code uses; it differs from the exact curve by less than 0.0005.",
        ),
        Formula(
            "head",
            "From y to probabilities",
            r"<logits> = <y> \, <W_head> + <b_head>, \qquad <p> = <softmax>(<logits>)",
            "One linear layer gives a score for each class, a softmax turns the scores into probabilities.",
            ClassificationHead.forward,
            numbers=r"<logits!> = <y!> \, <W_head!> + <b_head!>",
        ),
        Formula(
            "head_pre_logits",
            "From y to probabilities, with a hidden layer",
            r"<y_tanh> = \tanh(<y> <W_pre> + <b_pre>), \qquad <logits> = <y_tanh> <W_head> + <b_head>, \qquad"
            r" <p> = <softmax>(<logits>)",
            "As in pre-training: a dense layer with tanh comes first, and the linear layer reads its output instead "
            "of y.",
            ClassificationHead.inputs,
            r"\underbrace{<y_tanh>}_{<#D_rep>} = \tanh(<y!> \, \underbrace{<W_pre>}_{<#D> \times <#D_rep>}"
            r" + \underbrace{<b_pre>}_{<#D_rep>}), \qquad"
            r" <logits!> = \underbrace{<y_tanh>}_{<#D_rep>} \, <W_head!> + <b_head!>",
        ),
        Formula(
            "softmax_logits",
            "Softmax of the logits",
            r"<p> = <softmax>(<logits>), \qquad"
            r" <p:p_j> = \frac{\exp(<logits:o_j>)}{\sum_{<m>=1}^{<K>} \exp(<logits:o_m>)}",
            "Exponentials make every score positive, the division makes the probabilities of all classes sum to 1.",
            numbers=r"<p!> = <softmax>(<logits!>), \qquad <j> = 1 \ldots <#K>",
        ),
        Formula(
            "cosine_similarity",
            "Cosine similarity of two positions",
            r"\cos(<E_pos:\mathbf{E}_{pos}^{i}>, <E_pos:\mathbf{E}_{pos}^{j}>) ="
            r" \frac{<E_pos:\mathbf{E}_{pos}^{i}> \cdot <E_pos:\mathbf{E}_{pos}^{j}>}"
            r"{\lVert <E_pos:\mathbf{E}_{pos}^{i}> \rVert \, \lVert <E_pos:\mathbf{E}_{pos}^{j}> \rVert}",
            "1 where two position embeddings point the same way, 0 where they have nothing in common, -1 where they"
            " are opposite (the paper's Fig. 7, centre).",
        ),
        Formula(
            "logit_lens",
            "Logit lens",
            r"<p:\mathbf{p}_{\ell}> = <softmax>(<LN>(<z_l^0>) \, <W_head> + <b_head>)",
            "Read the class token after an earlier layer as if it were the last. The head was never trained on "
            "those layers, so early readings are only a hint.",
            VisionTransformer.classify,
        ),
        Formula(
            "attention_rollout",
            "Attention rollout",
            r"<R> = <A~_l:\tilde{A}_{L}> \cdots <A~_l:\tilde{A}_{2}> \, <A~_l:\tilde{A}_{1}>, \qquad"
            r" <A~_l> = \frac{1}{2} \cdot \frac{1}{<k>} \sum_{<h>=1}^{<k>} <A:A_{\ell,h}> + \frac{1}{2} <I>",
            "Average the heads of every layer, let half of each token come through the skip path, and multiply the"
            " layers: how much of each patch has reached each token (Fig. 6; Abnar and Zuidema 2020).",
            attention_rollout,
            numbers=r"<L> = <#L>, \qquad <k> = <#k>, \qquad <R> \in \mathbb{R}^{<#N+1> \times <#N+1>}",
            statements=("layer =", "rollout = layer"),
        ),
        Formula(
            "attention_distance",
            "Mean attention distance",
            r"\frac{1}{<N>} \sum_{<i>=1}^{<N>} \sum_{<j>=1}^{<N>} <A:A_{ij}> \cdot <P> \,"
            r" \lVert \text{place of } <i> - \text{place of } <j> \rVert",
            "How far, in pixels, a head looks on average: the distance between patches, weighted by attention"
            " (Fig. 7, right).",
            mean_attention_distance,
            numbers=r"<N> = <#N>, \qquad <P> = <#P>",
        ),
        Formula(
            "parameters",
            "Parameters of the whole model",
            r"\underbrace{(<P>^2 <C> + 1) \, <D>}_{<E>} + \underbrace{<D>}_{<x_class>} +"
            r" \underbrace{(<N> + 1) \, <D>}_{<E_pos>} + <L> \, \big(\underbrace{4 <D>^2 + 4 <D>}_{<MSA>} +"
            r" \underbrace{2 <D> <D_MLP> + <D_MLP> + <D>}_{<MLP>} + \underbrace{4 <D>}_{2 \times <LN>}\big)"
            r" + \underbrace{2 <D>}_{<LN>} + \underbrace{<D> <K> + <K>}_{<W_head>, \, <b_head>}",
            "Every learned number, counted from the sizes, with the biases that the equations leave out.",
            count_parameters,
        ),
    )
}
