/*
 * stretches.h
 *		A set of numbers that mostly come one after the other, kept as stretches of
 *		consecutive ones.
 *
 * It says whether each number came once, and whether all together are consecutive.
 * Memory: 16 bytes for each time that a number does not follow the one before it.
 */
#ifndef LEDGER_STRETCHES_H
#define LEDGER_STRETCHES_H

#include "common/ledger_engine.h"

typedef struct Stretch
{
	int64 first;
	int64 last;
} Stretch;

typedef struct Stretches
{
	Stretch *items;
	int64 count;
	int64 room;
	bool is_full; /* maintenance_work_mem had no room for some */
	MemoryContext context;
} Stretches;

/* All zero, except the context in which it lives, is an empty set. */
extern void stretches_add(Stretches *set, int64 number);

/* Joins neighbours. False where a number came twice, or that is not known for want of memory. */
extern bool stretches_join(Stretches *set);

#endif
