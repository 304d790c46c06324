/*
 * run_tally.c
 *		Keeps the books of an expansion (see run_tally.h).
 */
#include "expand/run_tally.h"

#include "utils/memutils.h"

void
counts_add(Counts *counts, const Counts *more)
{
	counts->transactions += more->transactions;
	counts->journals += more->journals;
	counts->lines += more->lines;
	counts->exceptions += more->exceptions;
	counts->ignored += more->ignored;
	for (int i = 0; i < EXCEPTION_REASONS; i++)
		counts->by_reason[i] += more->by_reason[i];
	counts->debit += more->debit;
	counts->credit += more->credit;
}

/* Time runs for the partition that the last row came from. */
static void
count_time(RunTally *tally)
{
	instr_time now;
	instr_time spent;

	INSTR_TIME_SET_CURRENT(now);
	if (tally->current != NULL)
	{
		spent = now;
		INSTR_TIME_SUBTRACT(spent, tally->current_since);
		tally->current->elapsed_ms += INSTR_TIME_GET_MILLISEC(spent);
	}
	tally->current_since = now;
}

void
run_tally_init(RunTally *tally, MemoryContext context, int nbases)
{
	memset(tally, 0, sizeof(RunTally));
	tally->context = context;
	tally->nbases = nbases;
	tally->basis_counts = MemoryContextAllocZero(context, sizeof(Counts) * (nbases + 1));
	INSTR_TIME_SET_CURRENT(tally->current_since);
	run_total_init(&tally->totals, context);
}

PartitionCounts *
run_tally_partition(RunTally *tally, Oid partition)
{
	PartitionCounts *p;

	for (p = tally->partitions; p != NULL && p->partition != partition; p = p->next)
		;
	if (p == NULL)
	{
		p = MemoryContextAllocZero(tally->context, sizeof(PartitionCounts));
		p->partition = partition;
		p->next = tally->partitions;
		tally->partitions = p;
	}
	return p;
}

void
run_tally_transaction(RunTally *tally, Oid partition)
{
	if (unlikely(tally->current == NULL || tally->current->partition != partition))
	{
		count_time(tally);
		tally->current = run_tally_partition(tally, partition);
	}
	tally->current->counts.transactions++;
}

void
run_tally_journal(RunTally *tally, const Transaction *txn, int basis, const Journal *journal)
{
	const Candidate *candidate = journal->candidate;
	Counts *counts = &tally->current->counts;
	DateADT je_date = route_je_date(txn->route, basis, txn->value_date);

	counts->journals++;
	counts->lines += journal->nlines;
	counts->debit += journal->debit;
	counts->credit += journal->credit;
	tally->basis_counts[basis].journals++;
	if (journal->debit != journal->credit)
		tally->unbalanced++;
	for (int i = 0; i < candidate->template->nlines; i++)
	{
		const JournalLine *line = &journal->lines[i];
		const RouteLine *where = &candidate->lines[i];

		if (!line->kept)
			continue;
		run_total_add(where->total, line->debit, line->credit);
		digest_add_line(&tally->lines, where->codes, txn->txn_id, true, je_date,
						candidate->template->lines[i].line_no, line->debit, line->credit);
	}
}

void
run_tally_header(RunTally *tally, Oid table, int basis, int64 nlines, Amount debit, Amount credit)
{
	Counts *counts;

	run_tally_transaction(tally, table);
	counts = &tally->current->counts;
	counts->journals++;
	counts->lines += nlines;
	counts->debit += debit;
	counts->credit += credit;
	tally->basis_counts[basis].journals++;
	if (debit != credit)
		tally->unbalanced++;
}

void
run_tally_compared(RunTally *tally, int basis)
{
	tally->current->counts.journals++;
	tally->basis_counts[basis].journals++;
}

void
run_tally_exception(RunTally *tally, int basis, ExceptionReason reason)
{
	Assert(reason >= 0 && reason < EXCEPTION_REASONS);
	tally->current->counts.exceptions++;
	tally->current->counts.by_reason[reason]++;
	tally->basis_counts[basis].exceptions++;
}

void
run_tally_ignored(RunTally *tally, int basis)
{
	tally->current->counts.ignored++;
	tally->basis_counts[basis].ignored++;
}

void
run_tally_stop(RunTally *tally)
{
	count_time(tally);
}

/* Each transaction became a journal, an exception or is ignored, in each basis that takes every transaction. */
static bool PG_USED_FOR_ASSERTS_ONLY
counts_close(const RunTally *tally, const Counts *sum)
{
	Counts of_bases = {0};

	for (int b = 0; b < tally->nbases; b++)
		counts_add(&of_bases, &tally->basis_counts[b]);
	return of_bases.journals == sum->journals && of_bases.exceptions == sum->exceptions &&
		   of_bases.ignored == sum->ignored &&
		   sum->journals + sum->exceptions + sum->ignored <= sum->transactions * tally->nbases;
}

Counts
run_tally_headers_sum(const RunTally *tally)
{
	Counts sum = {0};

	for (PartitionCounts *p = tally->partitions; p != NULL; p = p->next)
		counts_add(&sum, &p->counts);
	return sum;
}

Counts
run_tally_sum(const RunTally *tally)
{
	Counts sum = run_tally_headers_sum(tally);

	Assert(counts_close(tally, &sum));
	Assert(run_total_comes_to(&tally->totals, sum.lines, sum.debit, sum.credit));
	Assert(tally->unbalanced > 0 || sum.debit == sum.credit);
	return sum;
}
