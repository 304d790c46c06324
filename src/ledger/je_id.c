/*
 * je_id.c
 *		Gives out identifiers of journals (see je_id.h).
 */
#include "ledger/je_id.h"

#include "commands/sequence.h"

/* je_id_seq gives out blocks of so many identifiers. */
#define JE_ID_BLOCK 1000

/* A month other than the run's own uses the run's range from this journal on. */
#define FEW_JOURNALS JE_ID_BLOCK

void
je_id_open(JeIds *ids, int64 range, DateADT txn_month)
{
	if (range > JE_ID_LAST_RANGE)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("ranges of journal identifiers are used up"),
						errhint("Set ledger_engine.run_partition_min_transactions to -1.")));
	memset(ids, 0, sizeof(JeIds));
	ids->sequence = ledger_engine_table("je_id_seq");
	ids->next = 1; /* past last: none taken yet */
	ids->txn_month = txn_month;
	ids->has_range = range > 0;
	ids->first_of_range = JE_ID_FIRST_RANGE + (range << JE_ID_RANGE_BITS);
	ids->next_of_range = ids->first_of_range;
	ids->end_of_range = ids->first_of_range + JE_ID_RANGE_SIZE;
	ids->is_alone = true;
}

static int64
take_block(JeIds *ids)
{
	if (ids->nblocks > 0)
		return ids->blocks[--ids->nblocks];
	if (!ids->is_alone)
		elog(ERROR, "identifiers of journals are used up");
	return nextval_internal(ids->sequence, false);
}

void
je_id_take_blocks(int64 *blocks, int nblocks)
{
	Oid sequence = ledger_engine_table("je_id_seq");

	for (int i = 0; i < nblocks; i++)
	{
		blocks[i] = nextval_internal(sequence, false);
		Assert(i == 0 || blocks[i] > blocks[i - 1]);
	}
}

void
je_id_use_blocks(JeIds *ids, const int64 *blocks, int nblocks)
{
	Assert(ids->nblocks == 0);
	ids->blocks = palloc_array(int64, nblocks);
	memcpy(ids->blocks, blocks, nblocks * sizeof(int64));
	ids->nblocks = nblocks;
}

void
je_id_share(JeIds *ids, pg_atomic_uint64 *taken)
{
	Assert(ids->has_range && ids->next_of_range == ids->first_of_range);
	ids->taken = taken;
	ids->end_of_range = ids->next_of_range;
	ids->is_alone = false;
}

void
je_id_unshare(JeIds *ids)
{
	ids->taken = NULL;
	ids->end_of_range = ids->next_of_range;
	ids->is_alone = true;
}

static void
too_many_journals(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a run cannot have more than " INT64_FORMAT " journals", JE_ID_RANGE_SIZE)));
}

/* The next identifiers of the range for this process: a chunk of it, where others take some too. */
static void
take_of_range(JeIds *ids)
{
	uint64 taken = JE_ID_RANGE_SIZE;

	if (ids->taken != NULL)
		taken = pg_atomic_fetch_add_u64(ids->taken, JE_ID_CHUNK);
	if (taken >= JE_ID_RANGE_SIZE)
		too_many_journals();
	ids->next_of_range = ids->first_of_range + taken;
	ids->end_of_range = ids->next_of_range + JE_ID_CHUNK;
	/* No chunk reaches past the range, as it is a multiple of one. */
	StaticAssertStmt(JE_ID_RANGE_SIZE % JE_ID_CHUNK == 0, "a range is some chunks");
}

static int64
take_shared(JeIds *ids)
{
	if (ids->next > ids->last)
	{
		ids->last = take_block(ids);
		ids->next = ids->last - JE_ID_BLOCK + 1;
		if (je_id_in_range(ids->last))
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("identifiers of journals are used up")));
	}
	Assert(ids->next > 0 && !je_id_in_range(ids->next));
	return ids->next++;
}

JeIdMonth *
je_id_find_month(JeIds *ids, DateADT month)
{
	JeIdMonth *m;

	for (int i = 0; i < ids->nmonths; i++)
		if (ids->months[i].month == month)
			return &ids->months[i];
	if (ids->nmonths == JE_ID_MAX_MONTHS)
		elog(ERROR, "a run has journals of more months than it can");
	m = &ids->months[ids->nmonths++];
	m->month = month;
	return m;
}

int64
je_id_take(JeIds *ids, DateADT month)
{
	JeIdMonth *m = ids->current;

	if (!ids->has_range)
		return take_shared(ids);
	if (unlikely(m == NULL || m->month != month))
		m = ids->current = je_id_find_month(ids, month);
	if (unlikely(!m->uses_range))
	{
		m->uses_range = month == ids->txn_month || m->journals >= FEW_JOURNALS;
		if (!m->uses_range)
		{
			m->journals++;
			return take_shared(ids);
		}
	}
	if (ids->next_of_range >= ids->end_of_range)
		take_of_range(ids);
	Assert(ids->next_of_range >= ids->first_of_range &&
		   ids->next_of_range < ids->first_of_range + JE_ID_RANGE_SIZE);
	Assert(je_id_in_range(ids->next_of_range));
	return ids->next_of_range++;
}

int64
je_id_take_some(JeIds *ids, DateADT month, int64 wanted, int64 *taken)
{
	int64 first;

	Assert(wanted > 0 && ids->is_alone);
	if (ids->has_range)
	{
		first = ids->next_of_range;
		if (wanted > ids->end_of_range - first)
			too_many_journals();
		je_id_find_month(ids, month)->uses_range = true;
		ids->next_of_range += wanted;
		*taken = wanted;
		return first;
	}
	first = take_shared(ids);
	*taken = Min(wanted, ids->last - first + 1);
	ids->next = first + *taken;
	return first;
}
