/* With an archive that contains only what examples/digits.c uses: what was left out is refused, and named. */
#include "flatgrad.h"

#include <stdio.h>
#include <string.h>

static uint64_t memory[FG_PLAN_SIZE(3) / 8];
static float arena[1000], image[4], outputs[2];
static uint32_t label;
static int failures;

static void expect(const char *what, fg_status got, fg_status want, const fg_error *error, const char *part)
{
    if (got != want || (part && !strstr(error->text, part))) {
        printf("%s: %s: %s\n", what, fg_status_text(got), error->text);
        failures++;
    }
}

int main(void)
{
    const fg_layer relu[] = {FG_FLATTEN, FG_DENSE(2), FG_RELU}, gelu[] = {FG_FLATTEN, FG_DENSE(2), FG_LAYER(GELU)};
    const fg_config adam = {.batch = 1, .optimizer = FG_ADAM(0.1f)};
    fg_config sgd = adam, huber = adam;
    sgd.optimizer = (fg_optimizer)FG_SGD(0.1f);
    huber.loss.kind = FG_LOSS_HUBER;
    const fg_target target = {.classes = &label, .len = 1};
    const fg_plan *plan = NULL;
    fg_trainer trainer;
    fg_error error;

    for (unsigned i = 0; i < 4; i++) {
        const fg_config *config = i == 1 ? &sgd : i == 2 ? &huber : &adam;
        fg_status status = fg_plan_init(memory, sizeof memory, 1, 2, 2, i == 3 ? gelu : relu, 3, config, &plan, &error);
        expect("fg_plan_init", status, FG_OK, &error, NULL);
        status = fg_train_init(&trainer, plan, arena, 1000, 1, &error);
        const char *part = i == 3 ? "gelu" : "optimizer or loss";
        expect("fg_train_init", status, i ? FG_ERROR_NOT_LINKED : FG_OK, &error, i ? part : NULL);
        if (i == 0) {
            status = fg_train_step(&trainer, &adam.optimizer, image, 4, &target, NULL, &error);
            expect("fg_train_step", status, FG_OK, &error, NULL);
            status = fg_train_step(&trainer, &sgd.optimizer, image, 4, &target, NULL, &error);
            expect("fg_train_step", status, FG_ERROR_NOT_LINKED, &error, "optimizer");
        }
        status = fg_infer(plan, arena, 10, image, 4, outputs, 2, arena + 100, 900, &error);
        expect("fg_infer", status, i == 3 ? FG_ERROR_NOT_LINKED : FG_OK, &error, i == 3 ? part : NULL);
    }
    return failures != 0;
}
