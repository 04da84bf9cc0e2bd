/* Every macro of the header, where firmware needs it: in constants. */
#include "flatgrad.h"

static const fg_layer body[] = {FG_CONV2D(8, 3, .padding = {1, 1}, .no_bias = true), FG_BATCH_NORM, FG_RELU};
static const fg_layer shortcut[] = {FG_CONV2D(8, 1)};
const fg_layer layers[] = {
    FG_CONV2D(8, 0, .kernel = {1, 5}, .stride = {1, 2}),
    FG_RESIDUAL(FG_CONV2D(8, 3, .padding = {1, 1}), FG_LAYER(BATCH_NORM, .momentum = 0.01f), FG_LAYER(SILU)),
    FG_RESIDUAL_OF(body, shortcut),
    FG_GROUP_NORM(4), FG_LAYER(LEAKY_RELU, .alpha = 0.2f),
    FG_MAX_POOL(2), FG_AVG_POOL(3, .stride = {1, 1}, .padding = {1, 1}), FG_GLOBAL_AVG_POOL,
    FG_FLATTEN, FG_DROPOUT(0.5f),
    FG_DENSE(10, .init = {.rule = FG_INIT_XAVIER_UNIFORM}, .max_norm = 3.0f),
};
const fg_config config = {.batch = 4, .optimizer = FG_ADAMW(1e-3f, .weight_decay = 0.1f)};
const fg_optimizer optimizers[] = {FG_SGD(0.1f, .momentum = 0.9f), FG_ADAGRAD(0.1f), FG_RMSPROP(0.1f), FG_ADAM(0.1f)};
uint64_t plan_memory[FG_PLAN_SIZE(20) / 8];
