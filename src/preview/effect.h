/*
 * effect.h
 *		What another policy changes: sums by account, or the transactions that it changes
 *		most.
 *
 * Each process adds up its own part and hands over rows, which whoever asked adds up: sums
 * and counts once more, and of the transactions the foremost again. Memory is bounded: sums
 * that are many are handed over early, and of each kind of change so many transactions are
 * kept as were asked for.
 */
#ifndef LEDGER_EFFECT_H
#define LEDGER_EFFECT_H

#include "preview/two_policies.h"

typedef struct Effect Effect;

/* Takes a row of effect_columns(). */
typedef void (*EffectRow)(Datum *values, bool *isnull, void *arg);

/* most: how many transactions of each kind; 0: sums by account. Needs query_open(); all lives in the current context. */
extern Effect *effect_open(const TwoPoliciesInput *input, int most, EffectRow hand_over, void *arg);

/* The types of the columns of its rows; as acct._compare_sums() and acct._compare_transactions() have them. */
extern const Oid *effect_columns(int most, int *count);

extern TwoPolicies *effect_policies(Effect *effect);

/* A row of the source; a QueryRow. */
extern void effect_row(TupleTableSlot *slot, void *effect);

/* Hands over what is left. */
extern void effect_close(Effect *effect);

#endif
