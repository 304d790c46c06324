/*
 * run_total.h
 *		The totals of a run by entity, basis, month, fund, account and currency.
 *
 * Expand adds each line to the total of its account; they become
 * journal_run_total, from which posting moves the snapshot. Their number is that
 * of the accounts moved, not that of the lines.
 */
#ifndef LEDGER_RUN_TOTAL_H
#define LEDGER_RUN_TOTAL_H

#include "common/code_map.h"
#include "ledger/amount.h"

#include "utils/date.h"
#include "utils/sharedtuplestore.h"

typedef struct Total
{
	CodeKey key; /* entity, basis, fund, account, currency; the month's first day */
	Amount debit;
	Amount credit;
	int64 lines;
} Total;

typedef struct TotalSet
{
	CodeMap map;
} TotalSet;

extern void run_total_init(TotalSet *set, MemoryContext context);
extern Total *run_total_find(TotalSet *set, Code entity, Code basis, DateADT month, Code fund,
							 Code account_code, Code currency);

static inline void
run_total_add(Total *total, Amount debit, Amount credit)
{
	total->debit += debit;
	total->credit += credit;
	total->lines++;
}

/* True where all totals together are these. */
extern bool run_total_comes_to(const TotalSet *set, int64 lines, Amount debit, Amount credit);

/* Adds up totals from several processes: one spools its own, another takes them. */
extern void run_total_spool(TotalSet *set, SharedTuplestoreAccessor *spool);
extern void run_total_take(TotalSet *set, SharedTuplestoreAccessor *spool);

/* Writes them to acct.journal_run_total. Needs query_open(). */
extern void run_total_save(TotalSet *set, int64 run_id);

#endif
