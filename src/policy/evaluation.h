/*
 * evaluation.h
 *		Evaluating expressions so that they can be stopped, and within limits.
 *
 * The server looks for interrupts in few of its functions, and lets each take a
 * gigabyte. Here it looks before each call, an expression has a bounded amount
 * of memory, numbers have a bounded number of digits, and functions whose time
 * is the product of two sizes refuse large ones. What goes beyond is an error
 * 54000. What cannot be stopped is a single call.
 */
#ifndef LEDGER_EVALUATION_H
#define LEDGER_EVALUATION_H

#include "common/ledger_engine.h"

#include "nodes/execnodes.h"

/*
 * A memory context that holds at most 32 MB; to ask for more is an error 54000.
 */
extern MemoryContext evaluation_context(MemoryContext parent);

/*
 * Puts the limits upon the calls of an expression that is ready, once, in the memory context that it is in. It is
 * evaluated in a context of the kind above.
 */
extern void evaluation_limit(ExprState *state);

/* Empties the context, for what is evaluated next. */
extern void evaluation_begin(MemoryContext context);

/* Looks for interrupts, as is done before each call. */
extern void evaluation_check_interrupts(void);

/* Since evaluation_begin(): did an interrupt raise an error? A cancel, or that of a parallel worker, which is not the expression's. */
extern bool evaluation_was_interrupted(void);

/*
 * Is an error that was raised while an expression was compiled or evaluated one of the text and the row? Else it is of
 * the server: interrupts, deadlocks, resources, damage; or one of ours, which says what it means.
 */
extern bool evaluation_is_to_blame(int code);

#endif
