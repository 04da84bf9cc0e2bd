/*
 * flatgrad: train neural networks on microcontrollers. Made by cbindgen from firmware/c/src; do not edit.
 *
 * No heap, no globals, no exceptions: all memory is the caller's. The same inputs give the same bits on every
 * processor, so a network trained here has the weights that a server gets.
 *
 * Buffers are a pointer and a number of elements; float is 32 bits. Every function checks every pointer (null,
 * misaligned), every length, and that no output shares memory with another buffer, before anything else: unless it
 * returns FG_OK, nothing was written (fg_plan_init says its exception). A null pointer goes with the length 0. The last
 * argument may be null; else it is told why a call was refused.
 *
 * What the caller promises: a pointer that is neither null nor misaligned points to as many elements as the length
 * beside it says, and nobody else writes to them during the call.
 *
 * Scratch is memory that a kernel works in: its content is garbage before and after. Data is [n, c, h, w]. A structure
 * of zeros means the defaults. Functions may be called from several threads on buffers that they do not share.
 */

#ifndef FLATGRAD_H
#define FLATGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/** Stands where a layer's number would be, if no layer is to blame. */
#define FG_NO_LAYER SIZE_MAX

/* Networks in few words: const fg_layer layers[] = {FG_CONV2D(8, 3, .padding = {1, 1}), FG_RELU, FG_FLATTEN,
 * FG_DENSE(10)}; what follows the numbers are more fields of fg_layer. For C99; C++ sets the fields one by one. */

/* FG_LAYER(BATCH_NORM, .frozen = true): a layer of the kind FG_KIND_BATCH_NORM. */
#define FG_LAYER(...) {.kind = FG_KIND_##__VA_ARGS__}
/* FG_CONV2D(channels, kernel): a square kernel; FG_CONV2D(channels, 0, .kernel = {1, 5}): another. */
#define FG_CONV2D(...) {.kind = FG_KIND_CONV2D, .outputs = __VA_ARGS__}
#define FG_DENSE(...) {.kind = FG_KIND_DENSE, .outputs = __VA_ARGS__}
#define FG_MAX_POOL(...) {.kind = FG_KIND_MAX_POOL, .size = __VA_ARGS__}
#define FG_AVG_POOL(...) {.kind = FG_KIND_AVG_POOL, .size = __VA_ARGS__}
#define FG_GROUP_NORM(...) {.kind = FG_KIND_GROUP_NORM, .groups = __VA_ARGS__}
#define FG_DROPOUT(...) {.kind = FG_KIND_DROPOUT, .p = __VA_ARGS__}
#define FG_GLOBAL_AVG_POOL FG_LAYER(GLOBAL_AVG_POOL)
#define FG_BATCH_NORM FG_LAYER(BATCH_NORM)
#define FG_FLATTEN FG_LAYER(FLATTEN)
#define FG_RELU FG_LAYER(RELU)
/* FG_RESIDUAL(FG_CONV2D(...), ...): body(x) + x. */
#define FG_RESIDUAL(...) {.kind = FG_KIND_RESIDUAL, .body = (const fg_layer[]){__VA_ARGS__}, \
    .body_count = sizeof((const fg_layer[]){__VA_ARGS__}) / sizeof(fg_layer)}
/* FG_RESIDUAL_OF(body, shortcut): body(x) + shortcut(x), two arrays of layers. */
#define FG_RESIDUAL_OF(b, s) {.kind = FG_KIND_RESIDUAL, .body = (b), .body_count = sizeof(b) / sizeof((b)[0]), \
    .shortcut = (s), .shortcut_count = sizeof(s) / sizeof((s)[0])}

/* Optimizers: FG_SGD(0.1f, .momentum = 0.9f). */
#define FG_SGD(...) {.kind = FG_OPTIMIZER_SGD, .lr = __VA_ARGS__}
#define FG_ADAGRAD(...) {.kind = FG_OPTIMIZER_ADAGRAD, .lr = __VA_ARGS__}
#define FG_RMSPROP(...) {.kind = FG_OPTIMIZER_RMSPROP, .lr = __VA_ARGS__}
#define FG_ADAM(...) {.kind = FG_OPTIMIZER_ADAM, .lr = __VA_ARGS__}
#define FG_ADAMW(...) {.kind = FG_OPTIMIZER_ADAMW, .lr = __VA_ARGS__}

/* Bytes of a plan's memory: static uint64_t memory[FG_PLAN_SIZE(9) / 8]; */
#define FG_PLAN_SIZE(layers) ((FG_PLAN_WORDS + FG_PLAN_LAYER_WORDS * (size_t)(layers)) * sizeof(size_t))

/**
 * Bytes of a layer's or tensor's name, its final zero included.
 */
#define FG_NAME 32

/**
 * A plan takes FG_PLAN_WORDS + FG_PLAN_LAYER_WORDS * layers words of memory, a word being a size_t: see
 * FG_PLAN_SIZE.
 */
#define FG_PLAN_WORDS 40

/**
 * Words of a plan's memory for each layer.
 */
#define FG_PLAN_LAYER_WORDS 92

/**
 * Bytes of an error's text, its final zero included.
 */
#define FG_ERROR_TEXT 160



/**
 * What came of a call. Unless it is FG_OK, nothing was written.
 */
enum fg_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    FG_OK = 0,
    /**
     * A null pointer, where the length is not 0.
     */
    FG_ERROR_NULL = 1,
    /**
     * A pointer that is not aligned for what it points to.
     */
    FG_ERROR_ALIGNMENT = 2,
    /**
     * An output (scratch is one) shares memory with another buffer.
     */
    FG_ERROR_OVERLAP = 3,
    /**
     * A buffer does not have the length that the shape asks for.
     */
    FG_ERROR_LENGTH = 4,
    /**
     * Scratch, an arena or a plan's memory is too short.
     */
    FG_ERROR_TOO_SHORT = 5,
    /**
     * A size, stride or count is outside its range.
     */
    FG_ERROR_DIMENSION = 6,
    /**
     * A hyper-parameter is outside its range.
     */
    FG_ERROR_PARAMETER = 7,
    /**
     * A label is not below the number of classes.
     */
    FG_ERROR_LABEL = 8,
    /**
     * A size does not fit in a size_t, or in memory.
     */
    FG_ERROR_OVERFLOW = 9,
    /**
     * The network is wrong: see fg_error.layer and fg_error.text.
     */
    FG_ERROR_NETWORK = 10,
    /**
     * An unknown kind, or an option that the kind does not have.
     */
    FG_ERROR_OPTION = 11,
    /**
     * A plan or a trainer that was never initialized.
     */
    FG_ERROR_UNINITIALIZED = 12,
    /**
     * The network, loss or optimizer needs what was left out when the archive was built.
     */
    FG_ERROR_NOT_LINKED = 13,
    /**
     * Anything else.
     */
    FG_ERROR_OTHER = 14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum fg_status fg_status;
#else
typedef uint32_t fg_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A network, checked, with a place for everything in its arena. Lives in the caller's memory; plain data, nothing
 * to free.
 */
typedef struct fg_plan fg_plan;

/**
 * What a layer computes: one of FG_KIND_... A layer of zeros has none, and is refused.
 */
typedef uint32_t fg_kind;

/**
 * A function of each element.
 */
typedef struct fg_function {
    /**
     * FG_KIND_RELU to FG_KIND_SOFTPLUS.
     */
    fg_kind kind;
    /**
     * Leaky relu: the slope, 0: 0.01. Elu: alpha, 0: 1. Softplus: beta, 0: 1.
     */
    float alpha;
    /**
     * Softplus: above it the result is x, 0: 20.
     */
    float threshold;
} fg_function;

/**
 * The whole story of a refused call. Every function takes a pointer to one, which may be null; it is written only if
 * the call is refused.
 */
typedef struct fg_error {
    /**
     * What the function returned.
     */
    fg_status status;
    /**
     * The layer to blame, counted from 0 in the order in which layers run, or FG_NO_LAYER.
     */
    size_t layer;
    /**
     * What was expected and what was given, for people; ends with a zero.
     */
    char text[FG_ERROR_TEXT];
} fg_error;

/**
 * The sizes of a convolution (a cross-correlation, as in all of deep learning): x [n, in_channels, h, w], weight
 * [out_channels, in_channels / groups, kh, kw], y [n, out_channels, fg_conv2d_out_h, fg_conv2d_out_w]. Pairs are
 * down and across. A signal (sensor data) has h = 1 and a kernel {1, taps}.
 */
typedef struct fg_conv2d_shape {
    /**
     * Samples.
     */
    size_t n;
    /**
     * Channels of the input.
     */
    size_t in_channels;
    /**
     * Height of the input.
     */
    size_t h;
    /**
     * Width of the input.
     */
    size_t w;
    /**
     * Channels of the output.
     */
    size_t out_channels;
    /**
     * Height and width of the kernel.
     */
    size_t kernel[2];
    /**
     * Steps of the kernel; 0: 1.
     */
    size_t stride[2];
    /**
     * Zeros on each side.
     */
    size_t padding[2];
    /**
     * Distance between the kernel's taps; 0: 1.
     */
    size_t dilation[2];
    /**
     * Channels are cut in as many independent groups; 0: 1.
     */
    size_t groups;
} fg_conv2d_shape;

/**
 * The sizes of a dense layer: x [n, inputs], weight [inputs, outputs], y [n, outputs].
 */
typedef struct fg_dense_shape {
    /**
     * Samples.
     */
    size_t n;
    /**
     * Features of a sample.
     */
    size_t inputs;
    /**
     * Features of its result.
     */
    size_t outputs;
} fg_dense_shape;

/**
 * The sizes of a product: a [m, k] times b [k, n] gives c [m, n]; all row after row.
 */
typedef struct fg_gemm_shape {
    /**
     * Rows of a and c.
     */
    size_t m;
    /**
     * Columns of b and c.
     */
    size_t n;
    /**
     * Columns of a, rows of b.
     */
    size_t k;
    /**
     * Elements from one row of a's memory to the next; 0: rows touch.
     */
    size_t a_stride;
    /**
     * The same for b.
     */
    size_t b_stride;
    /**
     * The same for c.
     */
    size_t c_stride;
    /**
     * a's memory holds [k, m].
     */
    bool a_transposed;
    /**
     * b's memory holds [n, k].
     */
    bool b_transposed;
    /**
     * The bias has one element for each row of c, not for each column.
     */
    bool bias_per_row;
} fg_gemm_shape;

/**
 * One layer of a plan.
 */
typedef struct fg_layer_info {
    /**
     * What it computes; FG_KIND_RESIDUAL is the addition at a block's end.
     */
    fg_kind kind;
    /**
     * The kind's name, such as "conv2d"; ends with a zero.
     */
    char name[FG_NAME];
    /**
     * [c, h, w] of what comes in.
     */
    size_t input[3];
    /**
     * [c, h, w] of what goes out.
     */
    size_t output[3];
    /**
     * Learnt parameters.
     */
    size_t parameters;
    /**
     * They stay as they are.
     */
    bool frozen;
    /**
     * It works on its input's memory.
     */
    bool in_place;
} fg_layer_info;

/**
 * One tensor of the weights.
 */
typedef struct fg_tensor_info {
    /**
     * As in a PyTorch state dict: "conv1.weight", "bn2.running_mean", "fc1.bias"; ends with a zero.
     */
    char name[FG_NAME];
    /**
     * Number of its layer.
     */
    size_t layer;
    /**
     * Its shape; a dense weight is [inputs, outputs], the transpose of PyTorch's.
     */
    size_t dims[4];
    /**
     * How many of dims count.
     */
    size_t rank;
    /**
     * Its start in the weights.
     */
    size_t offset;
    /**
     * Its floats.
     */
    size_t len;
} fg_tensor_info;

/**
 * A rule for initial weights: one of FG_INIT_...
 */
typedef uint32_t fg_init_rule;

/**
 * How weights start. All zeros: PyTorch's default.
 */
typedef struct fg_init {
    /**
     * One of FG_INIT_...
     */
    fg_init_rule rule;
    /**
     * The bound, deviation or constant, taken as it is; or the gain, for which 0 stands for sqrt(2) (Kaiming) or 1.
     */
    float value;
} fg_init;

/**
 * Which random numbers: a function of these three and of an element's index, nothing else.
 */
typedef struct fg_stream {
    /**
     * The seed of the whole run.
     */
    uint64_t seed;
    /**
     * The training step or epoch; its lower 48 bits count.
     */
    uint64_t step;
    /**
     * What the numbers are for: a layer, the order of samples.
     */
    uint32_t stream;
} fg_stream;

/**
 * Which loss: one of FG_LOSS_...
 */
typedef uint32_t fg_loss_kind;

/**
 * What training minimizes. All zeros: softmax cross entropy.
 */
typedef struct fg_loss {
    /**
     * One of FG_LOSS_...
     */
    fg_loss_kind kind;
    /**
     * Cross entropy: the share of a label's weight that is spread over all classes, 0 to 1.
     */
    float label_smoothing;
    /**
     * Huber: where it becomes linear; 0: 1.
     */
    float delta;
} fg_loss;

/**
 * What the outputs for some samples should be: classes or values; the other is null.
 */
typedef struct fg_target {
    /**
     * A class index for each sample, [n].
     */
    const uint32_t *classes;
    /**
     * A value for each output, [n, outputs]; for cross entropies, a probability.
     */
    const float *values;
    /**
     * Number of classes or values.
     */
    size_t len;
} fg_target;

/**
 * What a pass over some samples says about them.
 */
typedef struct fg_report {
    /**
     * The sum of the samples' losses: divide by the number of samples for their mean.
     */
    float loss_sum;
    /**
     * How many predictions are right: samples, or outputs where each is a yes or no.
     */
    size_t correct;
} fg_report;

/**
 * The sizes of a batch normalization: x and y [n, channels, spatial], everything else [channels].
 */
typedef struct fg_batch_norm_shape {
    /**
     * Samples.
     */
    size_t n;
    /**
     * Each has its own mean, variance, weight and bias.
     */
    size_t channels;
    /**
     * h * w for images, 1 after a dense layer.
     */
    size_t spatial;
    /**
     * Added to the variance; 0: 1e-5.
     */
    float eps;
    /**
     * The weight of the new value in the running averages; 0: 0.1.
     */
    float momentum;
} fg_batch_norm_shape;

/**
 * One layer, or a residual block of layers. Zeros stand for PyTorch's defaults; an option that the kind does not
 * have must be 0. Pairs are down and across. Macros such as FG_CONV2D(8, 3) write it.
 */
typedef struct fg_layer {
    /**
     * One of FG_KIND_...
     */
    fg_kind kind;
    /**
     * Channels of a convolution's output, features of a dense layer's.
     */
    size_t outputs;
    /**
     * Height and width of a square kernel.
     */
    size_t size;
    /**
     * Height and width of a kernel that is not square; then size is 0. A signal [c, 1, len] has {1, taps}.
     */
    size_t kernel[2];
    /**
     * 0: 1, of pooling the kernel.
     */
    size_t stride[2];
    /**
     * Zeros (max pooling: minus infinity) on each side.
     */
    size_t padding[2];
    /**
     * Distance between the taps; 0: 1.
     */
    size_t dilation[2];
    /**
     * Groups of channels; of a convolution 0: 1.
     */
    size_t groups;
    /**
     * The layers of a residual block.
     */
    const struct fg_layer *body;
    /**
     * How many.
     */
    size_t body_count;
    /**
     * Those of its shortcut; null: the input itself.
     */
    const struct fg_layer *shortcut;
    /**
     * How many.
     */
    size_t shortcut_count;
    /**
     * Added to the variance; 0: 1e-5 (RMS norm 1.1920929e-7).
     */
    float eps;
    /**
     * The weight of the new value in a batch norm's running averages; 0: 0.1.
     */
    float momentum;
    /**
     * Probability to drop.
     */
    float p;
    /**
     * The activation's, see its kind.
     */
    float alpha;
    /**
     * The activation's, see its kind.
     */
    float threshold;
    /**
     * Multiplies the optimizer's learning rate; 0: 1. For a rate of 0 there is frozen.
     */
    float lr_factor;
    /**
     * Multiplies the optimizer's weight decay; 0: 1. For a decay of 0 there is no_decay.
     */
    float decay_factor;
    /**
     * The longest that a neuron's incoming weights may be; 0: no limit.
     */
    float max_norm;
    /**
     * Where the weights start. Biases then start at 0.
     */
    struct fg_init init;
    /**
     * Leaves the bias out.
     */
    bool no_bias;
    /**
     * Leaves a normalization's scale and shift out.
     */
    bool no_affine;
    /**
     * Gives an instance normalization scale and shift.
     */
    bool affine;
    /**
     * The padding's zeros do not count in a mean.
     */
    bool exclude_padding;
    /**
     * Dropout scales at inference, not in training.
     */
    bool scale_at_inference;
    /**
     * Its parameters stay as they are: no gradient, no optimizer state, no memory for them. A block as a whole.
     */
    bool frozen;
    /**
     * No weight decay.
     */
    bool no_decay;
} fg_layer;

/**
 * Which optimizer: one of FG_OPTIMIZER_...
 */
typedef uint32_t fg_optimizer_kind;

/**
 * An optimizer with its hyper-parameters, named and meant as in PyTorch. Zeros stand for PyTorch's defaults, except
 * for lr, which has none. A parameter that the kind does not have must be 0.
 */
typedef struct fg_optimizer {
    /**
     * One of FG_OPTIMIZER_...
     */
    fg_optimizer_kind kind;
    /**
     * Learning rate; taken as it is.
     */
    float lr;
    /**
     * Of gradient descent and RMSprop.
     */
    float momentum;
    /**
     * Of gradient descent.
     */
    float dampening;
    /**
     * L2 penalty, or decay of the parameters themselves if decoupled.
     */
    float weight_decay;
    /**
     * Added to the root; 0: 1e-8, Adagrad 1e-10.
     */
    float eps;
    /**
     * Of Adagrad.
     */
    float lr_decay;
    /**
     * Of Adagrad.
     */
    float initial_accumulator;
    /**
     * Of Adam; 0: 0.9.
     */
    double beta1;
    /**
     * Of Adam; 0: 0.999.
     */
    double beta2;
    /**
     * Of RMSprop; 0: 0.99.
     */
    double alpha;
    /**
     * Of gradient descent: look ahead by one step.
     */
    bool nesterov;
    /**
     * Of gradient descent and Adam: weight decay past the moments.
     */
    bool decoupled;
    /**
     * Of Adam: the largest second moment so far.
     */
    bool amsgrad;
    /**
     * Of Adam: leave the bias correction out.
     */
    bool no_bias_correction;
    /**
     * Of RMSprop: subtract the mean's square.
     */
    bool centered;
} fg_optimizer;

/**
 * What a plan is made for. Zeros, apart from batch: SGD, cross entropy, decay of all parameters, nothing frozen.
 */
typedef struct fg_config {
    /**
     * The most samples a call takes at once; at least 1.
     */
    size_t batch;
    /**
     * Whose state is kept. What counts is how much that is; rates come with each step.
     */
    struct fg_optimizer optimizer;
    /**
     * What is minimized.
     */
    struct fg_loss loss;
    /**
     * Layers before this one are frozen: only what comes after is fine-tuned.
     */
    size_t train_from;
    /**
     * Tensors start at multiples of this many floats in the arena; 0: 1, which wastes nothing.
     */
    size_t align;
    /**
     * Weight decay reaches the weights of convolutions and dense layers only, neither biases nor normalizations.
     */
    bool decay_weights_only;
} fg_config;

/**
 * The sizes of a pooling: x [n, channels, h, w], y [n, channels, fg_pool2d_out_h, fg_pool2d_out_w]. Pairs are down
 * and across.
 */
typedef struct fg_pool2d_shape {
    /**
     * Samples.
     */
    size_t n;
    /**
     * Channels.
     */
    size_t channels;
    /**
     * Height of the input.
     */
    size_t h;
    /**
     * Width of the input.
     */
    size_t w;
    /**
     * Height and width of the window.
     */
    size_t kernel[2];
    /**
     * Steps of the window; 0: the kernel.
     */
    size_t stride[2];
    /**
     * Minus infinity (means: zeros) on each side; at most half the kernel.
     */
    size_t padding[2];
    /**
     * The zeros of the padding do not count in a mean. They do by default, as in PyTorch.
     */
    bool exclude_padding;
} fg_pool2d_shape;

/**
 * A network in training: fg_train_init makes it. Plain data, nothing to free; use it where it is, do not copy it.
 */
typedef struct fg_trainer {
    /**
     * For flatgrad alone.
     */
    uint64_t memory[16];
} fg_trainer;

/**
 * Uniform within 1 / sqrt(fan_in), biases too: PyTorch's default.
 */
#define FG_INIT_DEFAULT 0

/**
 * Uniform within value.
 */
#define FG_INIT_UNIFORM 1

/**
 * Normal with mean 0 and standard deviation value.
 */
#define FG_INIT_NORMAL 2

/**
 * Uniform within gain sqrt(3 / fan_in) (He et al., 2015).
 */
#define FG_INIT_KAIMING_UNIFORM 3

/**
 * Normal with standard deviation gain / sqrt(fan_in).
 */
#define FG_INIT_KAIMING_NORMAL 4

/**
 * Uniform within gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
 */
#define FG_INIT_XAVIER_UNIFORM 5

/**
 * Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)).
 */
#define FG_INIT_XAVIER_NORMAL 6

/**
 * Orthogonal rows or columns, times gain (Saxe et al., 2014).
 */
#define FG_INIT_ORTHOGONAL 7

/**
 * value everywhere.
 */
#define FG_INIT_CONSTANT 8

/**
 * Convolution; takes outputs (channels), size or kernel, stride, padding, dilation, groups, no_bias, init, max_norm.
 */
#define FG_KIND_CONV2D 1

/**
 * Fully connected; takes outputs, no_bias, init, max_norm.
 */
#define FG_KIND_DENSE 2

/**
 * From image to features; a dense layer needs one before it.
 */
#define FG_KIND_FLATTEN 3

/**
 * Largest of each window; takes size or kernel, stride, padding.
 */
#define FG_KIND_MAX_POOL 4

/**
 * Mean of each window; takes size or kernel, stride, padding, exclude_padding.
 */
#define FG_KIND_AVG_POOL 5

/**
 * Mean of each channel.
 */
#define FG_KIND_GLOBAL_AVG_POOL 6

/**
 * Batch normalization; takes eps, momentum.
 */
#define FG_KIND_BATCH_NORM 7

/**
 * Group normalization; takes groups, eps, no_affine.
 */
#define FG_KIND_GROUP_NORM 8

/**
 * Instance normalization; takes eps, affine.
 */
#define FG_KIND_INSTANCE_NORM 9

/**
 * Layer normalization over all of a sample; takes eps, no_affine.
 */
#define FG_KIND_LAYER_NORM 10

/**
 * Division by a sample's root mean square; takes eps, no_affine.
 */
#define FG_KIND_RMS_NORM 11

/**
 * Zeroes each element with probability p in training; takes p, scale_at_inference.
 */
#define FG_KIND_DROPOUT 12

/**
 * Softmax. A cross-entropy loss has one built in.
 */
#define FG_KIND_SOFTMAX 13

/**
 * Its logarithm.
 */
#define FG_KIND_LOG_SOFTMAX 14

/**
 * body(x) + shortcut(x), or body(x) + x without a shortcut; takes body, body_count, shortcut, shortcut_count.
 */
#define FG_KIND_RESIDUAL 15

/**
 * max(0, x).
 */
#define FG_KIND_RELU 16

/**
 * x, or alpha x where it is negative; takes alpha, 0: 0.01.
 */
#define FG_KIND_LEAKY_RELU 17

/**
 * x, or alpha (e^x - 1) where it is negative; takes alpha, 0: 1.
 */
#define FG_KIND_ELU 18

/**
 * 1 / (1 + e^-x).
 */
#define FG_KIND_SIGMOID 19

/**
 * Hyperbolic tangent.
 */
#define FG_KIND_TANH 20

/**
 * x times the normal distribution function at x.
 */
#define FG_KIND_GELU 21

/**
 * Its approximation by a hyperbolic tangent.
 */
#define FG_KIND_GELU_TANH 22

/**
 * x sigmoid(x).
 */
#define FG_KIND_SILU 23

/**
 * x min(max(x + 3, 0), 6) / 6.
 */
#define FG_KIND_HARD_SWISH 24

/**
 * log(1 + e^(alpha x)) / alpha; takes alpha (0: 1), threshold (0: 20).
 */
#define FG_KIND_SOFTPLUS 25

/**
 * Softmax cross entropy; the logits are the network's outputs, the target a class or probabilities.
 */
#define FG_LOSS_CROSS_ENTROPY 0

/**
 * Binary cross entropy of each output as a logit; the targets are probabilities.
 */
#define FG_LOSS_BINARY_CROSS_ENTROPY 1

/**
 * (output - target)^2.
 */
#define FG_LOSS_MEAN_SQUARED 2

/**
 * Squared near 0, linear from delta on.
 */
#define FG_LOSS_HUBER 3

/**
 * Gradient descent, with momentum if asked for.
 */
#define FG_OPTIMIZER_SGD 0

/**
 * Adagrad (Duchi et al., 2011).
 */
#define FG_OPTIMIZER_ADAGRAD 1

/**
 * RMSprop (Tieleman and Hinton, 2012).
 */
#define FG_OPTIMIZER_RMSPROP 2

/**
 * Adam (Kingma and Ba, 2015).
 */
#define FG_OPTIMIZER_ADAM 3

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019); 0.01 if weight_decay is 0.
 */
#define FG_OPTIMIZER_ADAMW 4

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * y = f(x), element by element; x and y have the same length. Returns FG_OK, or why nothing was written.
 */
fg_status fg_activate(const struct fg_function *function,
                      const float *x,
                      size_t x_len,
                      float *y,
                      size_t y_len,
                      struct fg_error *error);

/**
 * x = f(x). Keep a copy of x for the backward pass of a function for which fg_activate_needs_input is true. Returns
 * FG_OK, or why nothing was written.
 */
fg_status fg_activate_in_place(const struct fg_function *function, float *x, size_t x_len, struct fg_error *error);

/**
 * Whether fg_activate_backward needs the function's input x (gelu, silu, ...) rather than its output y; false for a
 * null pointer or an unknown kind.
 */
bool fg_activate_needs_input(const struct fg_function *function);

/**
 * dx = dy f'(x), from x or y as fg_activate_needs_input says; all of the same length. Returns FG_OK, or why nothing
 * was written.
 */
fg_status fg_activate_backward(const struct fg_function *function,
                               const float *saved,
                               size_t saved_len,
                               const float *dy,
                               size_t dy_len,
                               float *dx,
                               size_t dx_len,
                               struct fg_error *error);

/**
 * y = exp(x) / sum of exp(x), or the logarithm of that, for each sample: x and y [n, classes]. Returns FG_OK, or why
 * nothing was written.
 */
fg_status fg_softmax(size_t n,
                     size_t classes,
                     bool logarithm,
                     const float *x,
                     size_t x_len,
                     float *y,
                     size_t y_len,
                     struct fg_error *error);

/**
 * dx = y (dy - sum of y dy), or dy - exp(y) sum of dy: the gradient of fg_softmax, from its output; all [n,
 * classes]. Returns FG_OK, or why nothing was written.
 */
fg_status fg_softmax_backward(size_t n,
                              size_t classes,
                              bool logarithm,
                              const float *y,
                              size_t y_len,
                              const float *dy,
                              size_t dy_len,
                              float *dx,
                              size_t dx_len,
                              struct fg_error *error);

/**
 * Height of the output, (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1 rounded down; 0 if the shape is
 * wrong.
 */
size_t fg_conv2d_out_h(const struct fg_conv2d_shape *shape);

/**
 * Width of the output; 0 if the shape is wrong.
 */
size_t fg_conv2d_out_w(const struct fg_conv2d_shape *shape);

/**
 * Floats of scratch that fg_conv2d needs; 0 if the shape is wrong.
 */
size_t fg_conv2d_scratch_len(const struct fg_conv2d_shape *shape);

/**
 * Floats of scratch that fg_conv2d_backward_input needs; 0 if the shape is wrong.
 */
size_t fg_conv2d_backward_input_scratch_len(const struct fg_conv2d_shape *shape);

/**
 * Floats of scratch that fg_conv2d_backward_weight needs; 0 if the shape is wrong.
 */
size_t fg_conv2d_backward_weight_scratch_len(const struct fg_conv2d_shape *shape);

/**
 * y = act(x * weight + bias), the convolution; act is max(0, x) if relu is set.
 *
 * x, weight and y as fg_conv2d_shape says, bias [out_channels] (null with length 0: none), scratch of
 * fg_conv2d_scratch_len. Returns FG_OK, or why nothing was written.
 */
fg_status fg_conv2d(const struct fg_conv2d_shape *shape,
                    const float *x,
                    size_t x_len,
                    const float *weight,
                    size_t weight_len,
                    const float *bias,
                    size_t bias_len,
                    bool relu,
                    float *y,
                    size_t y_len,
                    float *scratch,
                    size_t scratch_len,
                    struct fg_error *error);

/**
 * dx = the gradient of the input: dy convolved with the kernel turned by half a turn.
 *
 * dy as y, dx as x, scratch of fg_conv2d_backward_input_scratch_len. Returns FG_OK, or why nothing was written.
 */
fg_status fg_conv2d_backward_input(const struct fg_conv2d_shape *shape,
                                   const float *dy,
                                   size_t dy_len,
                                   const float *weight,
                                   size_t weight_len,
                                   float *dx,
                                   size_t dx_len,
                                   float *scratch,
                                   size_t scratch_len,
                                   struct fg_error *error);

/**
 * dw = the gradient of the weight: x correlated with dy; added to dw to accumulate.
 *
 * x, dy as y, dw as weight, scratch of fg_conv2d_backward_weight_scratch_len. Returns FG_OK, or why nothing was
 * written.
 */
fg_status fg_conv2d_backward_weight(const struct fg_conv2d_shape *shape,
                                    const float *x,
                                    size_t x_len,
                                    const float *dy,
                                    size_t dy_len,
                                    bool accumulate,
                                    float *dw,
                                    size_t dw_len,
                                    float *scratch,
                                    size_t scratch_len,
                                    struct fg_error *error);

/**
 * db = the sum of dy over samples and pixels; added to db to accumulate.
 *
 * dy as y, db [out_channels]. Returns FG_OK, or why nothing was written.
 */
fg_status fg_conv2d_backward_bias(const struct fg_conv2d_shape *shape,
                                  const float *dy,
                                  size_t dy_len,
                                  bool accumulate,
                                  float *db,
                                  size_t db_len,
                                  struct fg_error *error);

/**
 * Floats of scratch that fg_dense, fg_dense_backward_input and fg_dense_backward_weight need; 0 for a null pointer.
 */
size_t fg_dense_scratch_len(const struct fg_dense_shape *shape);

/**
 * y = act(x weight + bias); act is max(0, x) if relu is set.
 *
 * x [n, inputs], weight [inputs, outputs] (PyTorch keeps the transpose), bias [outputs] (null with length 0: none),
 * y [n, outputs], scratch of fg_dense_scratch_len. Returns FG_OK, or why nothing was written.
 */
fg_status fg_dense(const struct fg_dense_shape *shape,
                   const float *x,
                   size_t x_len,
                   const float *weight,
                   size_t weight_len,
                   const float *bias,
                   size_t bias_len,
                   bool relu,
                   float *y,
                   size_t y_len,
                   float *scratch,
                   size_t scratch_len,
                   struct fg_error *error);

/**
 * dx = dy weight^T, the gradient of the input.
 *
 * dy [n, outputs], weight [inputs, outputs], dx [n, inputs], scratch of fg_dense_scratch_len. Returns FG_OK, or why
 * nothing was written.
 */
fg_status fg_dense_backward_input(const struct fg_dense_shape *shape,
                                  const float *dy,
                                  size_t dy_len,
                                  const float *weight,
                                  size_t weight_len,
                                  float *dx,
                                  size_t dx_len,
                                  float *scratch,
                                  size_t scratch_len,
                                  struct fg_error *error);

/**
 * dw = x^T dy, or dw + x^T dy to accumulate: the gradient of the weight.
 *
 * x [n, inputs], dy [n, outputs], dw [inputs, outputs], scratch of fg_dense_scratch_len. Returns FG_OK, or why
 * nothing was written.
 */
fg_status fg_dense_backward_weight(const struct fg_dense_shape *shape,
                                   const float *x,
                                   size_t x_len,
                                   const float *dy,
                                   size_t dy_len,
                                   bool accumulate,
                                   float *dw,
                                   size_t dw_len,
                                   float *scratch,
                                   size_t scratch_len,
                                   struct fg_error *error);

/**
 * db = the sum of dy over the samples, or db + that to accumulate: the gradient of the bias.
 *
 * dy [n, outputs], db [outputs]. Returns FG_OK, or why nothing was written.
 */
fg_status fg_dense_backward_bias(const struct fg_dense_shape *shape,
                                 const float *dy,
                                 size_t dy_len,
                                 bool accumulate,
                                 float *db,
                                 size_t db_len,
                                 struct fg_error *error);

/**
 * Floats of scratch that fg_gemm needs.
 */
size_t fg_gemm_scratch_len(size_t m, size_t n, size_t k);

/**
 * c = act(a b + bias), or act(c + a b + bias) to accumulate; act is max(0, x) if relu is set.
 *
 * a [m, k], b [k, n], bias [n] (or [m]; null with length 0: none), c [m, n], scratch of fg_gemm_scratch_len(m, n,
 * k). Each element is one chain of fused multiply-adds over ascending k. Returns FG_OK, or why nothing was written.
 */
fg_status fg_gemm(const struct fg_gemm_shape *shape,
                  const float *a,
                  size_t a_len,
                  const float *b,
                  size_t b_len,
                  const float *bias,
                  size_t bias_len,
                  bool accumulate,
                  bool relu,
                  float *c,
                  size_t c_len,
                  float *scratch,
                  size_t scratch_len,
                  struct fg_error *error);

/**
 * y = the outputs [n, outputs] of the samples x [n, c, h, w], as at test time, for at most the plan's batch of
 * samples.
 *
 * weights of fg_plan_weights_len floats, as fg_train_weights gives them (they may be in flash); work of at least
 * fg_plan_infer_work_len. Returns FG_OK, or why nothing was written.
 */
fg_status fg_infer(const struct fg_plan *plan,
                   const float *weights,
                   size_t weights_len,
                   const float *x,
                   size_t x_len,
                   float *y,
                   size_t y_len,
                   float *work,
                   size_t work_len,
                   struct fg_error *error);

/**
 * info = what layer number index is, in the order in which layers run. Returns FG_OK, or why nothing was written.
 */
fg_status fg_plan_layer(const struct fg_plan *plan, size_t index, struct fg_layer_info *info, struct fg_error *error);

/**
 * info = what tensor number index of the weights is, counted from 0, layer by layer; FG_ERROR_DIMENSION after the
 * last. Returns FG_OK, or why nothing was written.
 */
fg_status fg_plan_tensor(const struct fg_plan *plan, size_t index, struct fg_tensor_info *info, struct fg_error *error);

/**
 * Fills the weight of a dense layer, [inputs, outputs], by a rule. Returns FG_OK, or why nothing was written.
 */
fg_status fg_init_dense(const struct fg_init *init,
                        const struct fg_stream *stream,
                        size_t inputs,
                        size_t outputs,
                        float *weight,
                        size_t weight_len,
                        struct fg_error *error);

/**
 * Fills the weight of a convolution, [out_channels, in_channels / groups, kh, kw], by a rule. Returns FG_OK, or why
 * nothing was written.
 */
fg_status fg_init_conv2d(const struct fg_init *init,
                         const struct fg_stream *stream,
                         size_t out_channels,
                         size_t in_channels_per_group,
                         size_t kh,
                         size_t kw,
                         float *weight,
                         size_t weight_len,
                         struct fg_error *error);

/**
 * The loss of logits (or outputs) [n, outputs] against a target, summed over samples and outputs, into report; what
 * is correct is counted there, too. Returns FG_OK, or why nothing was written.
 */
fg_status fg_loss_value(const struct fg_loss *loss,
                        size_t n,
                        size_t outputs,
                        const float *logits,
                        size_t logits_len,
                        const struct fg_target *target,
                        struct fg_report *report_out,
                        struct fg_error *error);

/**
 * The same, and dlogits [n, outputs] = scale times the gradient of that sum. For the mean over the samples, scale
 * is 1 / n (for a loss that is a mean over outputs too, 1 / (n outputs)). Returns FG_OK, or why nothing was
 * written.
 */
fg_status fg_loss_backward(const struct fg_loss *loss,
                           size_t n,
                           size_t outputs,
                           float scale,
                           const float *logits,
                           size_t logits_len,
                           const struct fg_target *target,
                           float *dlogits,
                           size_t dlogits_len,
                           struct fg_report *report_out,
                           struct fg_error *error);

/**
 * y = (x - mean) / sqrt(var + eps) * weight + bias with this batch's own mean and variance, which the running
 * averages follow.
 *
 * running_mean and running_var are read and written; saved_mean and saved_rstd are for fg_batch_norm_backward.
 * Returns FG_OK, or why nothing was written.
 */
fg_status fg_batch_norm_train(const struct fg_batch_norm_shape *shape,
                              const float *x,
                              size_t x_len,
                              const float *weight,
                              size_t weight_len,
                              const float *bias,
                              size_t bias_len,
                              float *running_mean,
                              size_t running_mean_len,
                              float *running_var,
                              size_t running_var_len,
                              float *y,
                              size_t y_len,
                              float *saved_mean,
                              size_t saved_mean_len,
                              float *saved_rstd,
                              size_t saved_rstd_len,
                              struct fg_error *error);

/**
 * y = (x - running_mean) / sqrt(running_var + eps) * weight + bias, as at test time. Returns FG_OK, or why nothing
 * was written.
 */
fg_status fg_batch_norm_infer(const struct fg_batch_norm_shape *shape,
                              const float *x,
                              size_t x_len,
                              const float *weight,
                              size_t weight_len,
                              const float *bias,
                              size_t bias_len,
                              const float *running_mean,
                              size_t running_mean_len,
                              const float *running_var,
                              size_t running_var_len,
                              float *y,
                              size_t y_len,
                              struct fg_error *error);

/**
 * dx, dweight and dbias: the gradients of fg_batch_norm_train; those of weight and bias are added to accumulate.
 *
 * dy and dx as x. Returns FG_OK, or why nothing was written.
 */
fg_status fg_batch_norm_backward(const struct fg_batch_norm_shape *shape,
                                 const float *x,
                                 size_t x_len,
                                 const float *dy,
                                 size_t dy_len,
                                 const float *weight,
                                 size_t weight_len,
                                 const float *saved_mean,
                                 size_t saved_mean_len,
                                 const float *saved_rstd,
                                 size_t saved_rstd_len,
                                 bool accumulate,
                                 float *dx,
                                 size_t dx_len,
                                 float *dweight,
                                 size_t dweight_len,
                                 float *dbias,
                                 size_t dbias_len,
                                 struct fg_error *error);

/**
 * Bytes of memory that fg_plan_init needs for a network of as many layers; those in blocks count one by one, and
 * one more for each block. At most FG_PLAN_SIZE(layers), which is a constant.
 */
size_t fg_plan_size(size_t layers);

/**
 * Checks a network, infers its shapes and plans its memory: plan = a pointer to the result, which lives in memory.
 *
 * memory of fg_plan_size(layers) bytes, aligned to 8; an input of c channels of h by w (features: {n, 1, 1}). The
 * layers and config are not needed afterwards, nor is the memory beyond the first fg_plan_kept bytes: the arena may
 * begin there. Returns FG_OK; or why not (error->layer and error->text name the layer): then plan is unchanged, and
 * the memory holds no plan.
 */
fg_status fg_plan_init(void *memory,
                       size_t memory_size,
                       size_t c,
                       size_t h,
                       size_t w,
                       const struct fg_layer *layers,
                       size_t layer_count,
                       const struct fg_config *config,
                       const struct fg_plan **plan,
                       struct fg_error *error);

/**
 * Bytes at the beginning of its memory that the plan keeps; what lies beyond is free again, and aligned to 8. 0 if
 * plan is not one.
 */
size_t fg_plan_kept(const struct fg_plan *plan);

/**
 * Floats of the arena for training: weights, gradients, optimizer state and work memory. 0 if plan is not one.
 */
size_t fg_plan_arena_len(const struct fg_plan *plan);

/**
 * Floats of the weights: parameters and running averages, all that inference needs to know. 0 if plan is not one.
 */
size_t fg_plan_weights_len(const struct fg_plan *plan);

/**
 * Floats of work memory that fg_infer needs beside the weights. 0 if plan is not one.
 */
size_t fg_plan_infer_work_len(const struct fg_plan *plan);

/**
 * Learnt parameters, frozen ones included. 0 if plan is not one.
 */
size_t fg_plan_parameters(const struct fg_plan *plan);

/**
 * Outputs for each sample: for a classifier, the number of classes. 0 if plan is not one.
 */
size_t fg_plan_outputs(const struct fg_plan *plan);

/**
 * Layers in the order in which they run, blocks taken apart: the body's, the shortcut's, then the addition. 0 if
 * plan is not one.
 */
size_t fg_plan_layer_count(const struct fg_plan *plan);

/**
 * Height of the output, (h + 2 padding - kernel) / stride + 1 rounded down; 0 if the shape is wrong.
 */
size_t fg_pool2d_out_h(const struct fg_pool2d_shape *shape);

/**
 * Width of the output; 0 if the shape is wrong.
 */
size_t fg_pool2d_out_w(const struct fg_pool2d_shape *shape);

/**
 * y = the largest element of each window. Returns FG_OK, or why nothing was written.
 */
fg_status fg_max_pool2d(const struct fg_pool2d_shape *shape,
                        const float *x,
                        size_t x_len,
                        float *y,
                        size_t y_len,
                        struct fg_error *error);

/**
 * dx = the sum of the dy of all windows in which the element is the first of the largest; x is fg_max_pool2d's
 * input, dx [n, channels, h, w], dy as y. Returns FG_OK, or why nothing was written.
 */
fg_status fg_max_pool2d_backward(const struct fg_pool2d_shape *shape,
                                 const float *x,
                                 size_t x_len,
                                 const float *dy,
                                 size_t dy_len,
                                 float *dx,
                                 size_t dx_len,
                                 struct fg_error *error);

/**
 * y = the mean of each window. Returns FG_OK, or why nothing was written.
 */
fg_status fg_avg_pool2d(const struct fg_pool2d_shape *shape,
                        const float *x,
                        size_t x_len,
                        float *y,
                        size_t y_len,
                        struct fg_error *error);

/**
 * dx = the sum of dy / count over all windows with this element; dx [n, channels, h, w], dy as y. Returns FG_OK, or
 * why nothing was written.
 */
fg_status fg_avg_pool2d_backward(const struct fg_pool2d_shape *shape,
                                 const float *dy,
                                 size_t dy_len,
                                 float *dx,
                                 size_t dx_len,
                                 struct fg_error *error);

/**
 * y = the mean of each channel: x [n, channels, spatial], y [n, channels]. Returns FG_OK, or why nothing was
 * written.
 */
fg_status fg_global_avg_pool(size_t n,
                             size_t channels,
                             size_t spatial,
                             const float *x,
                             size_t x_len,
                             float *y,
                             size_t y_len,
                             struct fg_error *error);

/**
 * dx = dy / spatial: dy [n, channels], dx [n, channels, spatial]. Returns FG_OK, or why nothing was written.
 */
fg_status fg_global_avg_pool_backward(size_t n,
                                      size_t channels,
                                      size_t spatial,
                                      const float *dy,
                                      size_t dy_len,
                                      float *dx,
                                      size_t dx_len,
                                      struct fg_error *error);

/**
 * out = Philox4x32-10 of counter and key (Salmon et al., 2011). Returns FG_OK, or why nothing was written.
 *
 * counter [4], key [2], out [4].
 */
fg_status fg_philox4x32_10(const uint32_t *counter,
                           size_t counter_len,
                           const uint32_t *key,
                           size_t key_len,
                           uint32_t *out,
                           size_t out_len,
                           struct fg_error *error);

/**
 * out[i] = lo + (hi - lo) u, u uniform in [0, 1): element first + i of the stream. Returns FG_OK, or why nothing was
 * written.
 */
fg_status fg_fill_uniform(const struct fg_stream *stream,
                          uint64_t first,
                          float lo,
                          float hi,
                          float *out,
                          size_t out_len,
                          struct fg_error *error);

/**
 * out[i] = mean + deviation z, z normal: element first + i of the stream. Returns FG_OK, or why nothing was written.
 */
fg_status fg_fill_normal(const struct fg_stream *stream,
                         uint64_t first,
                         float mean,
                         float deviation,
                         float *out,
                         size_t out_len,
                         struct fg_error *error);

/**
 * out = the numbers 0 to out_len - 1 in random order: which sample comes when. Returns FG_OK, or why nothing was
 * written.
 */
fg_status fg_permutation(const struct fg_stream *stream, uint32_t *out, size_t out_len, struct fg_error *error);

/**
 * A status in a few words, such as "a null pointer". The text lives forever. For the argument's name and the
 * numbers see fg_error.text.
 */
const char *fg_status_text(uint32_t status);

/**
 * Floats of state for each parameter: 0 for gradient descent, 1 with momentum, 2 for Adam, ...; 0 if it is wrong.
 */
size_t fg_optimizer_slots(const struct fg_optimizer *optimizer);

/**
 * Fills the state as it must be before step 1: zeros, or Adagrad's initial accumulator. Returns FG_OK, or why
 * nothing was written.
 */
fg_status fg_optimizer_start(const struct fg_optimizer *optimizer,
                             float *state,
                             size_t state_len,
                             struct fg_error *error);

/**
 * params = params - the step that the optimizer makes of grads; step is counted from 1 (gradient descent, step 1 of
 * 1: params - lr grads).
 *
 * grads and params have the same length, state fg_optimizer_slots times as many floats: one moment after the other.
 * Returns FG_OK, or why nothing was written.
 */
fg_status fg_optimizer_step(const struct fg_optimizer *optimizer,
                            uint32_t step,
                            const float *grads,
                            size_t grads_len,
                            float *params,
                            size_t params_len,
                            float *state,
                            size_t state_len,
                            struct fg_error *error);

/**
 * grads = grads times limit / |grads| if their norm |grads| is more than limit. The norm they had goes to norm, if
 * it is not null. Returns FG_OK, or why nothing was written.
 */
fg_status fg_clip_by_norm(float limit, float *grads, size_t grads_len, float *norm, struct fg_error *error);

/**
 * Begins training in an arena of at least fg_plan_arena_len floats: weights as their layers' init says, biases too
 * (PyTorch's default: uniform within 1 / sqrt(fan_in)), scales 1, shifts 0, running averages 0 and 1.
 *
 * All random numbers of the run are functions of the seed. From here on plan and arena belong to the trainer: they
 * must live as long, and between calls the arena is read and written only through fg_train_weights and
 * fg_train_gradients. Returns FG_OK, or why nothing was written.
 */
fg_status fg_train_init(struct fg_trainer *trainer,
                        const struct fg_plan *plan,
                        float *arena,
                        size_t arena_len,
                        uint64_t seed,
                        struct fg_error *error);

/**
 * One training step on the samples x [n, c, h, w], n at most the plan's batch, and their target: forward, mean
 * loss, backward, update. What it says of the samples (before the update) goes to result, if that is not null.
 *
 * optimizer may differ from step to step, in its rates above all; its state must fit the plan's. Returns FG_OK, or
 * why nothing was written.
 */
fg_status fg_train_step(struct fg_trainer *trainer,
                        const struct fg_optimizer *optimizer,
                        const float *x,
                        size_t x_len,
                        const struct fg_target *target,
                        struct fg_report *result,
                        struct fg_error *error);

/**
 * Forward and backward for some of a step's samples: their gradients are added to those since the last
 * fg_train_update. total is the number of samples of the whole step, over which the loss is averaged. So a step of
 * 32 samples fits in an arena for 4, with the same bits (batch normalization aside). Returns FG_OK, or why nothing
 * was written.
 */
fg_status fg_train_accumulate(struct fg_trainer *trainer,
                              const float *x,
                              size_t x_len,
                              const struct fg_target *target,
                              size_t total,
                              struct fg_report *result,
                              struct fg_error *error);

/**
 * weights = weights - the optimizer's step of the accumulated gradients. Returns FG_OK, or why nothing was written.
 */
fg_status fg_train_update(struct fg_trainer *trainer, const struct fg_optimizer *optimizer, struct fg_error *error);

/**
 * Estimates batch normalization's running averages anew, from the weights as they are: call it with batches of
 * samples, numbered from 1; after the last the averages are the means over all (Wu and Johnson, 2021). Returns
 * FG_OK, or why nothing was written.
 */
fg_status fg_train_calibrate(struct fg_trainer *trainer,
                             const float *x,
                             size_t x_len,
                             uint32_t batch,
                             struct fg_error *error);

/**
 * Loss and number of correct answers on the samples x, as at test time, into result; nothing is learnt. Returns
 * FG_OK, or why nothing was written.
 */
fg_status fg_evaluate(struct fg_trainer *trainer,
                      const float *x,
                      size_t x_len,
                      const struct fg_target *target,
                      struct fg_report *result,
                      struct fg_error *error);

/**
 * y = the outputs [n, outputs] of the samples x, as at test time, in the trainer's own work memory. Returns FG_OK,
 * or why nothing was written.
 */
fg_status fg_train_infer(struct fg_trainer *trainer,
                         const float *x,
                         size_t x_len,
                         float *y,
                         size_t y_len,
                         struct fg_error *error);

/**
 * grads = grads limit / |grads| if their norm is more than limit; before fg_train_update. The norm they had goes to
 * norm, if that is not null. Returns FG_OK, or why nothing was written.
 */
fg_status fg_train_clip_by_norm(struct fg_trainer *trainer, float limit, float *norm, struct fg_error *error);

/**
 * The weights, fg_plan_weights_len floats: parameters, then running averages. To save, load and send them; good
 * until the next call with this trainer. Null if trainer is not one.
 */
float *fg_train_weights(struct fg_trainer *trainer);

/**
 * The accumulated gradients, in the order of the parameters without frozen ones; their number goes to len, if that
 * is not null. Good until the next call with this trainer. Null if trainer is not one.
 */
float *fg_train_gradients(struct fg_trainer *trainer, size_t *len);

/**
 * Updates made so far. 0 if trainer is not one.
 */
uint32_t fg_train_steps(struct fg_trainer *trainer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FLATGRAD_H */
