/*
 * transaction_groups.c
 *		acct._transaction_groups(): the transactions of a month, grouped by what
 *		other tables have of them.
 *
 * One query marks transactions by their identifiers: it gives bits, and a
 * transaction has those of all its rows. Rows of journals give the codes that these
 * have of the transaction, too. Another query gives the source rows, whose amounts
 * are added up by their marks, class and currency. A transaction of which several
 * journals stand, or whose codes are not those of each of its journals, gets a mark
 * of its own: codes are compared by a hash of 64 bits. What becomes of a
 * transaction that no mark decides depends on its codes, so such rows are grouped
 * by these too. Transactions that are marked and have no source row are returned
 * one by one.
 *
 * Memory: 24 to 54 bytes for each marked transaction, and the groups. Where the
 * transactions are more than maintenance_work_mem has room for, the queries run
 * several times, for a part of the transactions each time.
 */
#include "common/code_map.h"
#include "common/query.h"
#include "ledger/amount.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_transaction_groups);

/* Bits that a query of marks gives with the codes of a journal. */
#define MARK_STANDING 1
#define MARK_REVERSED 2

/* Marks that are found here: journals stand, or have codes, that do not fit the transaction; there is a source row. */
#define MARK_UNFIT (1 << 14)
#define MARK_SEEN  (1 << 15)
#define MAX_CLASS  0xffff

#define ENTRY_SIZE 54 /* on average, with what the table has free */

typedef struct MarkedTxn
{
	int64 txn_id;
	uint64 codes; /* the hash of those of its journals */
	int32 marks;
	char status;
} MarkedTxn;

#define SH_PREFIX            marked
#define SH_ELEMENT_TYPE      MarkedTxn
#define SH_KEY_TYPE          int64
#define SH_KEY               txn_id
#define SH_HASH_KEY(tb, key) ((uint32) (hash_txn(key) >> 32))
#define SH_EQUAL(tb, a, b)   ((a) == (b))
#define SH_SCOPE             static inline
#define SH_DECLARE
#define SH_DEFINE

static inline uint64
hash_txn(int64 txn_id)
{
	uint64 h = (uint64) txn_id * UINT64CONST(0x9e3779b97f4a7c15);

	return h ^ (h >> 29);
}

#include "lib/simplehash.h"

/* Columns of the query of source rows. */
enum
{
	ROW_TXN_ID,
	ROW_CLASS,
	ROW_CURRENCY,
	ROW_TXN_TYPE,
	ROW_PRODUCT,
	ROW_CHANNEL,
	ROW_VALUE_DATE,
	ROW_ENTITY,
	ROW_POLICY,
	ROW_FIRST_AMOUNT,
	AMOUNTS = 5, /* gross and its components */
	ROW_COLUMNS = ROW_FIRST_AMOUNT + AMOUNTS
};

static const Oid row_types[ROW_COLUMNS] = {
	INT8OID, INT4OID, TEXTOID,    TEXTOID,    TEXTOID,    TEXTOID,    DATEOID,
	TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID};

/* Columns of the query of marks: the codes are null in rows of what is no journal. */
enum
{
	JOURNAL_TXN_ID,
	JOURNAL_MARKS,
	JOURNAL_ENTITY,
	JOURNAL_TXN_TYPE,
	JOURNAL_PRODUCT,
	JOURNAL_CHANNEL,
	JOURNAL_CURRENCY,
	JOURNAL_POLICY,
	JOURNAL_COLUMNS,
	JOURNAL_CODES = JOURNAL_COLUMNS - JOURNAL_ENTITY
};

static const Oid journal_types[JOURNAL_COLUMNS] = {INT8OID, INT4OID, TEXTOID, TEXTOID,
												   TEXTOID, TEXTOID, TEXTOID, TEXTOID};

/* The same codes of a source row. */
static const int row_codes[JOURNAL_CODES] = {ROW_ENTITY,  ROW_TXN_TYPE, ROW_PRODUCT,
											 ROW_CHANNEL, ROW_CURRENCY, ROW_POLICY};

/* The codes of a group: those of its rows, of which all but the currency are empty where its marks decide. */
enum
{
	KEY_CURRENCY,
	KEY_TXN_TYPE,
	KEY_PRODUCT,
	KEY_CHANNEL,
	KEY_VALUE_DATE, /* its bytes */
	KEY_COUNT
};

typedef struct TxnGroup
{
	CodeKey key; /* and the class, with the marks */
	int64 transactions;
	int64 known[AMOUNTS]; /* rows that have the amount */
	Amount sums[AMOUNTS];
	Datum others[AMOUNTS]; /* sums of what is no amount, such as NaN; 0: there is none */
} TxnGroup;

enum
{
	RESULT_TXN_ID,
	RESULT_MARKS,
	RESULT_CLASS,
	RESULT_FIRST_CODE,
	RESULT_VALUE_DATE = RESULT_FIRST_CODE + KEY_VALUE_DATE,
	RESULT_TRANSACTIONS,
	RESULT_FIRST_AMOUNT,
	RESULT_COLUMNS = RESULT_FIRST_AMOUNT + AMOUNTS
};

typedef struct Groups
{
	int32 deciding; /* marks that decide what becomes of a transaction */
	uint32 nparts;
	uint32 part;
	marked_hash *marked;
	CodeMap groups;
	MemoryContext row_context;
	ReturnSetInfo *result;
} Groups;

/* Does a transaction fall to the part that is read? */
static inline bool
is_of_part(const Groups *groups, int64 txn_id)
{
	return groups->nparts == 1 || (uint32) hash_txn(txn_id) % groups->nparts == groups->part;
}

static void
require_types(TupleTableSlot *slot, const Oid *types, int count, int required)
{
	TupleDesc tupdesc = slot->tts_tupleDescriptor;
	bool fits = tupdesc->natts == count;

	slot_getallattrs(slot);
	for (int i = 0; fits && i < count; i++)
		fits = TupleDescAttr(tupdesc, i)->atttypid == types[i] &&
			   (i >= required || !slot->tts_isnull[i]);
	if (!fits)
		elog(ERROR, "the query does not return transactions");
}

static uint64
hash_code(uint64 h, Datum value, bool is_null)
{
	Code code;

	if (is_null)
		return h * UINT64CONST(0x9e3779b97f4a7c15) + 1;
	code = code_from_datum(value);
	return hash_bytes_extended((const unsigned char *) code.data, code.len, h);
}

static uint64
hash_codes(const Datum *values, const bool *isnull, const int *columns)
{
	uint64 h = 0;

	for (int i = 0; i < JOURNAL_CODES; i++)
		h = hash_code(h, values[columns[i]], isnull[columns[i]]);
	return h;
}

/* A journal's codes are those that the transaction's first one had, and no other one stands. */
static void
add_journal(MarkedTxn *txn, int32 marks, uint64 codes)
{
	if ((txn->marks & (MARK_STANDING | MARK_REVERSED)) == 0)
		txn->codes = codes;
	else if (txn->codes != codes)
		txn->marks |= MARK_UNFIT;
	if ((marks & txn->marks & MARK_STANDING) != 0)
		txn->marks |= MARK_UNFIT;
}

static void
add_mark(TupleTableSlot *slot, void *arg)
{
	static const int columns[JOURNAL_CODES] = {JOURNAL_ENTITY,  JOURNAL_TXN_TYPE, JOURNAL_PRODUCT,
											   JOURNAL_CHANNEL, JOURNAL_CURRENCY, JOURNAL_POLICY};
	Groups *groups = arg;
	const Datum *v = slot->tts_values;
	int64 txn_id;
	int32 marks;
	MemoryContext old;
	MarkedTxn *txn;
	bool found;

	require_types(slot, journal_types, JOURNAL_COLUMNS, JOURNAL_ENTITY);
	txn_id = DatumGetInt64(v[JOURNAL_TXN_ID]);
	if (!is_of_part(groups, txn_id))
		return;
	marks = DatumGetInt32(v[JOURNAL_MARKS]) & (MARK_UNFIT - 1);
	txn = marked_insert(groups->marked, txn_id, &found);
	if (!found)
		txn->marks = 0;
	if ((marks & (MARK_STANDING | MARK_REVERSED)) != 0)
	{
		old = MemoryContextSwitchTo(groups->row_context);
		add_journal(txn, marks, hash_codes(v, slot->tts_isnull, columns));
		MemoryContextSwitchTo(old);
		MemoryContextReset(groups->row_context);
	}
	txn->marks |= marks;
}

static TxnGroup *
find_group(Groups *groups, int32 marks, const Datum *v)
{
	DateADT value_date = DatumGetDateADT(v[ROW_VALUE_DATE]);
	CodeKey key = {
		marks | DatumGetInt32(v[ROW_CLASS]) << 16, KEY_COUNT, {code_from_datum(v[ROW_CURRENCY])}};
	bool found;

	if ((marks & groups->deciding) == 0)
	{
		key.codes[KEY_TXN_TYPE] = code_from_datum(v[ROW_TXN_TYPE]);
		key.codes[KEY_PRODUCT] = code_from_datum(v[ROW_PRODUCT]);
		key.codes[KEY_CHANNEL] = code_from_datum(v[ROW_CHANNEL]);
		key.codes[KEY_VALUE_DATE] = (Code){(const char *) &value_date, sizeof(value_date)};
	}
	else
		for (int i = KEY_TXN_TYPE; i < KEY_COUNT; i++)
			key.codes[i] = code_from_cstring("");
	return code_map_enter(&groups->groups, &key, &found);
}

/* A source without the engine's own check may have any numbers. */
static void
add_amount(Groups *groups, TxnGroup *group, int i, Datum value)
{
	Datum old = group->others[i];
	Amount amount;
	Datum sum;

	group->known[i]++;
	if (amount_from_any(value, &amount) && amount_is_in_range(amount))
	{
		group->sums[i] += amount;
		return;
	}
	sum = old == 0 ? value : DirectFunctionCall2(numeric_add, old, value);
	MemoryContextSwitchTo(groups->groups.context);
	group->others[i] = datumCopy(sum, false, -1);
	MemoryContextSwitchTo(groups->row_context);
	if (old != 0)
		pfree(DatumGetPointer(old));
}

static void
add_row(TupleTableSlot *slot, void *arg)
{
	Groups *groups = arg;
	const Datum *v = slot->tts_values;
	int32 marks = 0;
	MemoryContext old;
	MarkedTxn *txn;
	TxnGroup *group;

	require_types(slot, row_types, ROW_COLUMNS, ROW_POLICY);
	Assert(DatumGetInt32(v[ROW_CLASS]) >= 0 && DatumGetInt32(v[ROW_CLASS]) <= MAX_CLASS >> 1);
	if (!is_of_part(groups, DatumGetInt64(v[ROW_TXN_ID])))
		return;
	old = MemoryContextSwitchTo(groups->row_context);
	txn = marked_lookup(groups->marked, DatumGetInt64(v[ROW_TXN_ID]));
	if (txn != NULL)
	{
		marks = txn->marks & ~MARK_SEEN;
		txn->marks |= MARK_SEEN;
		if ((marks & (MARK_STANDING | MARK_REVERSED)) != 0 &&
			txn->codes != hash_codes(v, slot->tts_isnull, row_codes))
			marks |= MARK_UNFIT;
	}
	group = find_group(groups, marks, v);
	group->transactions++;
	for (int i = 0; i < AMOUNTS; i++)
		if (!slot->tts_isnull[ROW_FIRST_AMOUNT + i])
			add_amount(groups, group, i, v[ROW_FIRST_AMOUNT + i]);
	MemoryContextSwitchTo(old);
	MemoryContextReset(groups->row_context);
}

static void
put_row(Groups *groups, const Datum *values, const bool *isnull)
{
	tuplestore_putvalues(groups->result->setResult, groups->result->setDesc, (Datum *) values,
						 (bool *) isnull);
}

/* Transactions with some of these marks that no source row has. */
static void
put_unseen(Groups *groups, int32 kept)
{
	marked_iterator scan;
	MarkedTxn *txn;

	marked_start_iterate(groups->marked, &scan);
	while ((txn = marked_iterate(groups->marked, &scan)) != NULL)
	{
		Datum values[RESULT_COLUMNS] = {0};
		bool isnull[RESULT_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		if ((txn->marks & MARK_SEEN) != 0 || (txn->marks & kept) == 0)
			continue;
		memset(isnull, true, sizeof(isnull));
		isnull[RESULT_TXN_ID] = isnull[RESULT_MARKS] = isnull[RESULT_TRANSACTIONS] = false;
		values[RESULT_TXN_ID] = Int64GetDatum(txn->txn_id);
		values[RESULT_MARKS] = Int32GetDatum(txn->marks);
		values[RESULT_TRANSACTIONS] = Int64GetDatum(1);
		put_row(groups, values, isnull);
	}
}

static void
put_group(Groups *groups, const TxnGroup *group)
{
	Datum values[RESULT_COLUMNS] = {0};
	bool isnull[RESULT_COLUMNS] = {false};
	const Code *codes = group->key.codes;
	bool has_codes = codes[KEY_VALUE_DATE].len != 0;

	isnull[RESULT_TXN_ID] = true;
	values[RESULT_MARKS] = Int32GetDatum(group->key.number & 0xffff);
	values[RESULT_CLASS] = Int32GetDatum(group->key.number >> 16);
	for (int i = 0; i < KEY_VALUE_DATE; i++)
	{
		isnull[RESULT_FIRST_CODE + i] = i != KEY_CURRENCY && !has_codes;
		values[RESULT_FIRST_CODE + i] = code_to_datum(codes[i]);
	}
	isnull[RESULT_VALUE_DATE] = !has_codes;
	if (has_codes)
	{
		DateADT value_date;

		memcpy(&value_date, codes[KEY_VALUE_DATE].data, sizeof(value_date));
		values[RESULT_VALUE_DATE] = DateADTGetDatum(value_date);
	}
	values[RESULT_TRANSACTIONS] = Int64GetDatum(group->transactions);
	for (int i = 0; i < AMOUNTS; i++)
	{
		isnull[RESULT_FIRST_AMOUNT + i] = group->known[i] == 0;
		values[RESULT_FIRST_AMOUNT + i] = amount_to_new_numeric(group->sums[i]);
		if (group->others[i] != 0)
			values[RESULT_FIRST_AMOUNT + i] =
				DirectFunctionCall2(numeric_add, values[RESULT_FIRST_AMOUNT + i], group->others[i]);
	}
	put_row(groups, values, isnull);
}

/* How many times the queries run, for so many transactions. */
static uint32
number_of_parts(int64 expected)
{
	uint64 room = (uint64) maintenance_work_mem * 1024 / ENTRY_SIZE;

	return 1 + (uint32) Min((uint64) expected / room, 1000);
}

/*
 * Arguments: the query of marks (txn_id, bits, codes), the query of source rows, the marks
 * that decide, those for which a transaction without a source row is returned, and how
 * many transactions are expected.
 */
Datum
ledger_transaction_groups(PG_FUNCTION_ARGS)
{
	char *marks = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *rows = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int32 kept = PG_GETARG_INT32(3);
	int64 expected = Max(PG_GETARG_INT64(4), 0);
	Groups groups = {.deciding = PG_GETARG_INT32(2), .nparts = number_of_parts(expected)};
	MemoryContext context;
	HASH_SEQ_STATUS scan;
	TxnGroup *group;

	InitMaterializedSRF(fcinfo, 0);
	groups.result = (ReturnSetInfo *) fcinfo->resultinfo;
	context = AllocSetContextCreate(CurrentMemoryContext, "groups", ALLOCSET_DEFAULT_SIZES);
	groups.row_context = AllocSetContextCreate(context, "groups row", ALLOCSET_DEFAULT_SIZES);
	code_map_init(&groups.groups, "groups", sizeof(TxnGroup), context);
	code_map_keep_index(&groups.groups);
	query_open();
	for (groups.part = 0; groups.part < groups.nparts; groups.part++)
	{
		groups.marked = marked_create(context, (uint32) (expected / groups.nparts) + 1024, NULL);
		query_each_row(marks, NULL, add_mark, &groups);
		query_each_row(rows, NULL, add_row, &groups);
		put_unseen(&groups, kept);
		marked_destroy(groups.marked);
	}
	query_close();
	hash_seq_init(&scan, groups.groups.table);
	while ((group = hash_seq_search(&scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		put_group(&groups, group);
	}
	MemoryContextDelete(context);
	return (Datum) 0;
}
