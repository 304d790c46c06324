/*
 * brin_ranges.c
 *		BRIN indexes from known ranges (see brin_ranges.h).
 *
 * The server's builder asks a table for its rows. Here it gets two for each
 * page, which have the least and the greatest value.
 */
#include "table/brin_ranges.h"

#include "common/columns.h"

#include "access/amapi.h"
#include "access/brin_internal.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

/* The methods of a table whose ranges are known. */
typedef struct KnownRanges
{
	TableAmRoutine routine;
	RangeSource source;
	void *arg;
} KnownRanges;

typedef struct RangeTaker
{
	Relation index;
	IndexBuildCallback callback;
	void *callback_state;
} RangeTaker;

bool
brin_ranges_fit(Relation table, Relation index, const char *column)
{
	return index->rd_rel->relam == BRIN_AM_OID && index->rd_index->indnatts == 1 &&
		   RelationGetIndexExpressions(index) == NIL && RelationGetIndexPredicate(index) == NIL &&
		   index->rd_index->indkey.values[0] == column_number(RelationGetDescr(table), column) &&
		   index->rd_opcintype[0] == TupleDescAttr(RelationGetDescr(index), 0)->atttypid &&
		   index_getprocid(index, 1, BRIN_PROCNUM_OPCINFO) == F_BRIN_MINMAX_OPCINFO;
}

static void
take_value(RangeTaker *taker, BlockNumber block, Datum value)
{
	bool isnull = false;
	ItemPointerData place;

	ItemPointerSet(&place, block, FirstOffsetNumber);
	taker->callback(taker->index, &place, &value, &isnull, true, taker->callback_state);
}

static void
take_range(void *arg, BlockNumber block, Datum least, Datum greatest)
{
	take_value(arg, block, least);
	take_value(arg, block, greatest);
}

/* TableAmRoutine.index_build_range_scan, for the complete table. */
static double
scan_known_ranges(Relation table, Relation index, IndexInfo *index_info, bool allow_sync,
				  bool anyvisible, bool progress, BlockNumber start_blockno, BlockNumber numblocks,
				  IndexBuildCallback callback, void *callback_state, TableScanDesc parallel_scan)
{
	const KnownRanges *known = (const KnownRanges *) table->rd_tableam;
	RangeTaker taker = {index, callback, callback_state};

	if (start_blockno != 0 || numblocks != InvalidBlockNumber || parallel_scan != NULL)
		elog(ERROR, "a new table is scanned as a whole");
	return known->source(take_range, &taker, known->arg);
}

double
brin_ranges_fill(Relation table, Relation index, RangeSource source, void *arg, double *rows)
{
	const TableAmRoutine *own_routine = table->rd_tableam;
	KnownRanges known = {.routine = *own_routine, .source = source, .arg = arg};
	IndexBuildResult *result;

	known.routine.index_build_range_scan = scan_known_ranges;
	table->rd_tableam = &known.routine;
	PG_TRY();
	{
		result = index->rd_indam->ambuild(table, index, BuildIndexInfo(index));
	}
	PG_FINALLY();
	{
		table->rd_tableam = own_routine;
	}
	PG_END_TRY();
	*rows = result->heap_tuples;
	return result->index_tuples;
}
