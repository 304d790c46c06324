/*
 * je_id.h
 *		Identifiers of journals.
 *
 * Those below JE_ID_FIRST_RANGE come from je_id_seq, in blocks of 1000. A large
 * run has a range of its own above: what it posts to a month lies together in
 * the month's partition of that range, and in no other run's. Journals of a
 * month of which the run has only a few are numbered among the others, so that
 * no partition is made for a handful of rows. Processes that expand one run take
 * their identifiers from its range by the chunk, so that the range is used up
 * when the run has as many journals, however many processes there are.
 */
#ifndef LEDGER_JE_ID_H
#define LEDGER_JE_ID_H

#include "common/ledger_engine.h"

#include "port/atomics.h"
#include "utils/date.h"

#define JE_ID_FIRST_RANGE (INT64CONST(1) << 42)
#define JE_ID_RANGE_BITS  32

/* The last range whose end is a bigint. */
#define JE_ID_LAST_RANGE (((PG_INT64_MAX - JE_ID_FIRST_RANGE) >> JE_ID_RANGE_BITS) - 1)

/* How many identifiers of the range there are. */
#define JE_ID_RANGE_SIZE (INT64CONST(1) << JE_ID_RANGE_BITS)

/* How many of them a process takes at a time where several share the range. */
#define JE_ID_CHUNK 4096

static inline bool
je_id_in_range(int64 je_id)
{
	return je_id >= JE_ID_FIRST_RANGE;
}

/* Months of a run: its own, twelve before it, and sixty after it, where late journals may go. */
#define JE_ID_MAX_MONTHS 74

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
	int64 first_of_range;
	int64 next_of_range; /* of those that are this process's to give out */
	int64 end_of_range;
	pg_atomic_uint64 *taken; /* of the range by all processes; NULL: this one has all of it */
	DateADT txn_month;
	int nmonths;
	JeIdMonth months[JE_ID_MAX_MONTHS];
	JeIdMonth *current;
	int64 *blocks; /* taken beforehand from the sequence, in this process's memory */
	int nblocks;   /* of these that are left */
	bool is_alone; /* may ask the sequence: there are no workers */
} JeIds;

/* range: the number of the run's range, 0 for none. */
extern void je_id_open(JeIds *ids, int64 range, DateADT txn_month);

/* The next identifier for a journal of a month. */
extern int64 je_id_take(JeIds *ids, DateADT month);

/*
 * Identifiers that follow each other, for journals of a month: as many as there are, of those wanted; the first of them. For a
 * process that is alone, and that takes identifiers in no other way.
 */
extern int64 je_id_take_some(JeIds *ids, DateADT month, int64 wanted, int64 *taken);

/* Takes blocks from the sequence for processes that will not be able to ask it. */
extern void je_id_take_blocks(int64 *blocks, int nblocks);

/* Has identifiers outside of the range come from a copy of these blocks first. */
extern void je_id_use_blocks(JeIds *ids, const int64 *blocks, int nblocks);

/*
 * Shares the range with other processes, by a counter that all of them see and
 * that was 0 when the first began. From here on the sequence is not asked: there
 * must be a block for each month. To be called before the first identifier is
 * taken.
 */
extern void je_id_share(JeIds *ids, pg_atomic_uint64 *taken);

/* The counter is gone, and with it what this process has not yet given out. */
extern void je_id_unshare(JeIds *ids);

/* What is known of a month. */
extern JeIdMonth *je_id_find_month(JeIds *ids, DateADT month);

#endif
