/*
 * je_id.h
 *		Identifiers of journals.
 *
 * Those below JE_ID_FIRST_RANGE come from je_id_seq, in blocks of 1000. A large
 * run has a range of its own above: what it posts to a month lies together in
 * the month's partition of that range, and in no other run's. Journals of a
 * month of which the run has only a few are numbered among the others, so that
 * no partition is made for a handful of rows.
 */
#ifndef LEDGER_JE_ID_H
#define LEDGER_JE_ID_H

#include "ledger_engine.h"

#include "utils/date.h"

#define JE_ID_FIRST_RANGE (INT64CONST(1) << 42)
#define JE_ID_RANGE_BITS  32

/* The last range whose end is a bigint. */
#define JE_ID_LAST_RANGE (((PG_INT64_MAX - JE_ID_FIRST_RANGE) >> JE_ID_RANGE_BITS) - 1)

/* Processes that expand one run share its range. */
#define JE_ID_MAX_PROCESSES_BITS 6
#define JE_ID_MAX_PROCESSES      (1 << JE_ID_MAX_PROCESSES_BITS)
#define JE_ID_SHARE              (INT64CONST(1) << (JE_ID_RANGE_BITS - JE_ID_MAX_PROCESSES_BITS))

static inline bool
je_id_in_range(int64 je_id)
{
	return je_id >= JE_ID_FIRST_RANGE;
}

/* Months of a run: its own, and twelve before and after it. */
#define JE_ID_MAX_MONTHS 26

typedef struct JeIdMonth
{
	DateADT month;
	int64 journals;
	bool uses_range;
} JeIdMonth;

typedef struct JeIds
{
	Oid sequence;
	int64 next;
	int64 last;
	bool has_range;
	int64 next_of_range;
	int64 end_of_range;
	DateADT txn_month;
	int nmonths;
	JeIdMonth months[JE_ID_MAX_MONTHS];
	JeIdMonth *current;
	int64 *
		blocks; /* taken beforehand from the sequence by a process that cannot ask it; NULL: it can */
	int nblocks;
} JeIds;

/* range: the number of the run's range, 0 for none; process: from 0, of those that expand the run. */
extern void je_id_open(JeIds *ids, int64 range, int process, DateADT txn_month);

/* The next identifier for a journal of a month. */
extern int64 je_id_take(JeIds *ids, DateADT month);

/* Takes blocks from the sequence for processes that cannot ask it. */
extern void je_id_take_blocks(int64 *blocks, int nblocks);

/* Has identifiers outside of the range come from these blocks, one for each month at most. */
extern void je_id_use_blocks(JeIds *ids, int64 *blocks, int nblocks);

/* What is known of a month. */
extern JeIdMonth *je_id_find_month(JeIds *ids, DateADT month);

#endif
