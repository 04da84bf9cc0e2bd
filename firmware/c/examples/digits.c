/*
 * Trains a small convolutional network on handwritten digits and classifies others: on a PC and on a Cortex-M, with the
 * same bits. See the Makefile.
 */
#include "flatgrad.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10, BATCH = 16, STEPS = 30, TESTED = 64, FIRST_TESTED = 1000 };

/* digits_data.S: two IDX files, the headers of which are 16 and 8 bytes. */
extern const uint8_t digits_images[], digits_labels[];

static const fg_layer layers[] = {
    FG_CONV2D(8, 3, .padding = {1, 1}), FG_RELU, FG_MAX_POOL(2),
    FG_CONV2D(16, 3, .padding = {1, 1}), FG_RELU, FG_MAX_POOL(2),
    FG_FLATTEN, FG_DENSE(CLASSES),
};
enum { LAYERS = sizeof(layers) / sizeof(layers[0]) };

static uint64_t plan_memory[FG_PLAN_SIZE(LAYERS) / 8];
static float arena[30000], work[16000];
static float images[BATCH * PIXELS], outputs[BATCH * CLASSES];
static uint32_t labels[BATCH];
static fg_error error;

/* Samples first, first + 1, ...; a pixel counts 0 to 16 black dots. */
static void load(size_t first)
{
    for (size_t i = 0; i < BATCH * PIXELS; i++) {
        images[i] = (float)digits_images[16 + first * PIXELS + i] / 16.0f;
    }
    for (size_t i = 0; i < BATCH; i++) {
        labels[i] = digits_labels[8 + first + i];
    }
}

/* FNV-1a over the bits. */
static uint64_t hash(const float *x, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < len; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        for (unsigned byte = 0; byte < 4; byte++) {
            hash = (hash ^ (bits >> 8 * byte & 0xff)) * 0x100000001b3;
        }
    }
    return hash;
}

static int refused(const char *call)
{
    printf("%s: %s: %s\n", call, fg_status_text(error.status), error.text);
    return 1;
}

static size_t largest(const float *x)
{
    size_t best = 0;
    for (size_t i = 1; i < CLASSES; i++) {
        best = x[i] > x[best] ? i : best;
    }
    return best;
}

int main(void)
{
    const fg_config config = {.batch = BATCH, .optimizer = FG_ADAM(0.01f)};
    const fg_target target = {.classes = labels, .len = BATCH};
    const fg_plan *plan;
    fg_trainer trainer;
    fg_report report;

    if (fg_plan_init(plan_memory, sizeof plan_memory, 1, SIDE, SIDE, layers, LAYERS, &config, &plan, &error)) {
        return refused("fg_plan_init");
    }
    printf("parameters %u\n", (unsigned)fg_plan_parameters(plan));
    printf("memory: arena %u bytes, plan %u bytes\n", (unsigned)(fg_plan_arena_len(plan) * sizeof(float)),
           (unsigned)fg_plan_size(LAYERS));
    if (fg_train_init(&trainer, plan, arena, sizeof arena / sizeof arena[0], 1, &error)) {
        return refused("fg_train_init");
    }
    for (unsigned step = 0; step < STEPS; step++) {
        load(step * BATCH);
        if (fg_train_step(&trainer, &config.optimizer, images, BATCH * PIXELS, &target, &report, &error)) {
            return refused("fg_train_step");
        }
        if (step % 10 == 9) {
            printf("step %u, loss %.4f\n", step + 1, (double)report.loss_sum / BATCH);
        }
    }

    /* From here on the weights alone would do: they could be in flash, or come from another device. */
    const float *weights = fg_train_weights(&trainer);
    const size_t weights_len = fg_plan_weights_len(plan);
    unsigned correct = 0;
    for (size_t first = FIRST_TESTED; first < FIRST_TESTED + TESTED; first += BATCH) {
        load(first);
        if (fg_infer(plan, weights, weights_len, images, BATCH * PIXELS, outputs, BATCH * CLASSES, work,
                     fg_plan_infer_work_len(plan), &error)) {
            return refused("fg_infer");
        }
        for (size_t i = 0; i < BATCH; i++) {
            correct += largest(&outputs[i * CLASSES]) == labels[i];
        }
    }
    printf("correct %u of %u\n", correct, (unsigned)TESTED);
    const uint64_t weights_hash = hash(weights, weights_len);
    printf("weights %08lx%08lx\n", (unsigned long)(weights_hash >> 32), (unsigned long)(weights_hash & 0xffffffff));
    return 0;
}
