/*
 * Trains a small convolutional network on the handwritten digits that lie in flash, and tests it: on a PC and on a
 * Cortex-M, with the same bits. The run is that of ../../digits, which is the same in Rust: the lines it prints are
 * the same. See the Makefile.
 */
#include "flatgrad.h"
#include "sha256.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10, BATCH = 4, EPOCHS = 3, FIRST_STEPS = 20 };
/* Every fifth of the 1,797 images is for testing. */
enum { TEST = 1797 / 5, TRAIN = 1797 - TEST };

/* digits_data.S: two IDX files, the headers of which are 16 and 8 bytes. */
extern const uint8_t digits_images[], digits_labels[];

static const fg_layer layers[] = {
    FG_CONV2D(8, 3, .padding = {1, 1}), FG_RELU, FG_MAX_POOL(2),
    FG_CONV2D(16, 3, .padding = {1, 1}), FG_RELU, FG_MAX_POOL(2),
    FG_FLATTEN, FG_DENSE(CLASSES),
};
enum { LAYERS = sizeof(layers) / sizeof(layers[0]) };

/*
 * Samples are passed through the network one by one, and their gradients added up: that takes the memory of one, and
 * gives the bits of a batch.
 */
static const fg_config config = {.batch = 1, .optimizer = FG_ADAM(3e-3f)};

/*
 * One block for the plan and, behind it, the arena. The plan says how long the arena must be (fg_plan_arena_len); a PC
 * spends more on scratch than a microcontroller. Choose a size, run, and read what the program says of it.
 */
#ifdef BOARD
static uint64_t memory[38 * 1024 / 8];
#else
static uint64_t memory[1024 * 1024 / 8];
#endif

static fg_error error;
static float image[PIXELS];
static uint32_t label;
static const fg_target target = {.classes = &label, .len = 1};

#ifdef BOARD
size_t stack_used(void); /* startup.c */
#endif

static void load(size_t sample)
{
    for (size_t i = 0; i < PIXELS; i++) {
        image[i] = (float)digits_images[16 + PIXELS * sample + i] * (1.0f / 16.0f);
    }
    label = digits_labels[8 + sample];
}

/* The i-th sample of an epoch: a stride that has no factor in common with their number goes through all of them. */
static void load_train(size_t epoch, size_t i)
{
    const size_t t = (769 * i + 331 * epoch) % TRAIN;
    load(t + t / 4);
}

static void print_decimal(const char *name, float x)
{
    const unsigned scaled = (unsigned)(x * 10000.0f + 0.5f);
    printf("%-16s %u.%04u\n", name, scaled / 10000, scaled % 10000);
}

/* SHA-256 of the weights as little-endian bytes. */
static void print_hash(const float *weights, size_t len, const char *when)
{
    sha256 hash;
    uint8_t digest[32];
    sha256_start(&hash);
    for (size_t i = 0; i < len; i++) {
        uint32_t bits;
        memcpy(&bits, &weights[i], sizeof bits);
        const uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
        sha256_add(&hash, bytes, sizeof bytes);
    }
    sha256_finish(&hash, digest);
    printf("weights sha256   ");
    for (size_t i = 0; i < sizeof digest; i++) {
        printf("%02x", digest[i]);
    }
    printf(" after %s\n", when);
}

/* FG_OK, or why a call was refused. */
static fg_status run(void)
{
    const fg_plan *plan;
    fg_trainer trainer;
    fg_report report;
    fg_status status = fg_plan_init(memory, sizeof memory, 1, SIDE, SIDE, layers, LAYERS, &config, &plan, &error);
    if (status) {
        return status;
    }
    printf("arena bytes      %u\n", (unsigned)(fg_plan_arena_len(plan) * sizeof(float)));
    const size_t kept = fg_plan_kept(plan), weights_len = fg_plan_weights_len(plan);
    float *arena = (float *)(memory + kept / 8);
    status = fg_train_init(&trainer, plan, arena, (sizeof memory - kept) / sizeof(float), 1, &error);
    for (size_t epoch = 0; !status && epoch < EPOCHS; epoch++) {
        float loss = 0.0f;
        for (size_t step = 0; step < TRAIN / BATCH; step++) {
            for (size_t i = 0; i < BATCH; i++) {
                load_train(epoch, BATCH * step + i);
                status = fg_train_accumulate(&trainer, image, PIXELS, &target, BATCH, &report, &error);
                if (status) {
                    return status;
                }
                loss += report.loss_sum;
            }
            status = fg_train_update(&trainer, &config.optimizer, &error);
            if (status) {
                return status;
            }
            if (fg_train_steps(&trainer) == FIRST_STEPS) {
                print_hash(fg_train_weights(&trainer), weights_len, "the first steps");
#ifdef SHORT
                return FG_OK;
#endif
            }
        }
        print_decimal("loss", loss / (float)(TRAIN / BATCH * BATCH));
    }
    unsigned correct = 0;
    for (size_t i = 0; !status && i < TEST; i++) {
        load(5 * i + 4);
        status = fg_evaluate(&trainer, image, PIXELS, &target, &report, &error);
        correct += (unsigned)report.correct;
    }
    if (!status) {
        print_decimal("test accuracy", (float)correct / TEST);
        print_hash(fg_train_weights(&trainer), weights_len, "all epochs");
    }
    return status;
}

int main(void)
{
    const fg_status status = run();
    if (status) {
        printf("%s: %s\n", fg_status_text(status), error.text);
    }
#ifdef BOARD
    printf("stack bytes      %u\n", (unsigned)stack_used());
#endif
    return status != FG_OK;
}
