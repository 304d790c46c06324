/*
 * run_bases.h
 *		The bases of a run that reverses or corrects journals, by number.
 */
#ifndef LEDGER_RUN_BASES_H
#define LEDGER_RUN_BASES_H

#include "common/ledger_engine.h"

typedef struct RunBases
{
	int64 run_id;
	int count;
	Code *codes; /* in their order */
} RunBases;

/* Reads them, in the current memory context. Needs query_open(). */
extern void run_bases_load(RunBases *bases, int64 run_id);

/* The number of the basis of a posted journal; LE009 where the run does not have it. */
extern int run_bases_find(const RunBases *bases, Code basis);

#endif
