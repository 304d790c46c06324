/*
 * seal_rows.c
 *		From rows to sections (see seal_rows.h).
 */
#include "seal/seal_rows.h"

#include "common/code_map.h"
#include "seal/bytes.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

/* Makes an order of bytes of that of signed numbers. */
#define SIGN_64 (UINT64CONST(1) << 63)
#define SIGN_16 ((uint16) 0x8000)

/* Sections that are kept at hand, and the longest bytes of rows that they are known by. */
#define RECENT     4
#define MAX_STORED 128

/* A section that rows were put to, by book, month, fund, account and currency. */
typedef struct RoutedSection
{
	CodeKey code_key;
	int32 number;     /* in the order of their first rows */
	Section *section; /* where rows come in order */
} RoutedSection;

/* A section that rows were put to lately, by the bytes that they have in common. */
typedef struct RecentSection
{
	RoutedSection *routed;
	DateADT month;
	int size;
	char stored[MAX_STORED];
} RecentSection;

/* A line that waits in memory for the others of its section. */
typedef struct WaitingRow
{
	int32 section;
	int16 line_no;
	uint32 size;
	int64 je_id;
	Amount debit;
	Amount credit;
	char *bytes;
} WaitingRow;

struct SealRows
{
	const RowForm *form;
	Hasher *hasher;
	Spool *spool;
	MemoryContext context;
	CodeMap map;
	int nsections;
	int max_sections;
	RoutedSection **sections;
	bool in_order;
	/* Else lines wait in memory, and all rows are sorted once they are more than work_mem. */
	MemoryContext waiting_context;
	WaitingRow *waiting;
	int64 nwaiting;
	int64 max_waiting;
	Tuplesortstate *sort;
	int next_recent;
	RecentSection recent[RECENT];
	StringInfoData room;
};

SealRows *
seal_rows_open(const RowForm *form, Hasher *hasher, Spool *spool, bool in_order)
{
	SealRows *rows = palloc0_object(SealRows);

	rows->form = form;
	rows->hasher = hasher;
	rows->spool = spool;
	rows->context = CurrentMemoryContext;
	rows->max_sections = 64;
	rows->sections = palloc_array(RoutedSection *, rows->max_sections);
	code_map_init(&rows->map, "sections of seals", sizeof(RoutedSection), CurrentMemoryContext);
	code_map_keep_index(&rows->map);
	initStringInfo(&rows->room);
	rows->in_order = in_order;
	if (!in_order)
		rows->waiting_context = AllocSetContextCreate(CurrentMemoryContext, "lines to be sealed",
													  ALLOCSET_DEFAULT_SIZES);
	return rows;
}

static Section *
open_section(const SealRows *rows, const RoutedSection *routed)
{
	const CodeKey *key = &routed->code_key;
	SectionKey section_key = {key->codes[0], key->codes[1], rows->form->kind, key->number,
							  key->codes[2], key->codes[3], key->codes[4]};

	return section_open(&section_key, rows->form, rows->hasher, rows->spool);
}

static void
add_section(SealRows *rows, RoutedSection *routed)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);

	if (rows->nsections == rows->max_sections)
	{
		rows->max_sections *= 2;
		rows->sections =
			repalloc_huge(rows->sections, rows->max_sections * sizeof(RoutedSection *));
	}
	routed->number = rows->nsections;
	if (rows->in_order)
		routed->section = open_section(rows, routed);
	rows->sections[rows->nsections++] = routed;
	MemoryContextSwitchTo(old);
}

static RoutedSection *
find_section(SealRows *rows, const RowKey *key)
{
	CodeKey code_key = {
		key->month, 5, {key->entity, key->basis, key->fund, key->account, key->currency}};
	bool found;
	RoutedSection *routed = code_map_enter(&rows->map, &code_key, &found);

	if (unlikely(!found))
		add_section(rows, routed);
	return routed;
}

/*
 * A row to be sorted is one text of bytes, which begins with what it is sorted by: its section, then the number of the journal,
 * which a zero ends, or else the number of the line after je_id.
 */
static void
put_to_sort(SealRows *rows, int32 number, const RowKey *key, const char *row, uint32 size)
{
	StringInfo room = &rows->room;

	resetStringInfo(room);
	bytes_put_u32(room, 0); /* its length */
	bytes_put_u32(room, number);
	if (rows->form->kind == ROW_HEADER)
	{
		bytes_put(room, key->je_number.data, key->je_number.len);
		appendStringInfoChar(room, '\0');
	}
	bytes_put_u64(room, (uint64) key->je_id ^ SIGN_64);
	bytes_put_u16(room, (uint16) key->line_no ^ SIGN_16);
	bytes_put_i128(room, key->debit);
	bytes_put_i128(room, key->credit);
	bytes_put(room, row, size);
	SET_VARSIZE(room->data, room->len);
	tuplesort_putdatum(rows->sort, PointerGetDatum(room->data), false);
}

/* Keeps a line in memory; false where it is none, or there are too many. */
static bool
wait_with(SealRows *rows, int32 number, const RowKey *key, const char *row, uint32 size)
{
	WaitingRow *waiting;

	if (rows->form->kind != ROW_LINE ||
		MemoryContextMemAllocated(rows->waiting_context, false) >= work_mem * (Size) 1024)
		return false;
	if (rows->nwaiting == rows->max_waiting)
	{
		rows->max_waiting = Max(rows->max_waiting * 2, 64);
		rows->waiting =
			rows->waiting == NULL
				? MemoryContextAlloc(rows->waiting_context, rows->max_waiting * sizeof(WaitingRow))
				: repalloc_huge(rows->waiting, rows->max_waiting * sizeof(WaitingRow));
	}
	waiting = &rows->waiting[rows->nwaiting++];
	waiting->section = number;
	waiting->line_no = key->line_no;
	waiting->size = size;
	waiting->je_id = key->je_id;
	waiting->debit = key->debit;
	waiting->credit = key->credit;
	waiting->bytes = MemoryContextAlloc(rows->waiting_context, size);
	memcpy(waiting->bytes, row, size);
	return true;
}

/* From now on rows are sorted, with those that wait. */
static void
begin_sort(SealRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);

	rows->sort =
		tuplesort_begin_datum(BYTEAOID, lookup_type_cache(BYTEAOID, TYPECACHE_LT_OPR)->lt_opr,
							  InvalidOid, false, work_mem, NULL, TUPLESORT_NONE);
	MemoryContextSwitchTo(old);
	for (int64 i = 0; i < rows->nwaiting; i++)
	{
		const WaitingRow *waiting = &rows->waiting[i];
		RowKey key = {.je_id = waiting->je_id,
					  .line_no = waiting->line_no,
					  .debit = waiting->debit,
					  .credit = waiting->credit};

		put_to_sort(rows, waiting->section, &key, waiting->bytes, waiting->size);
	}
	MemoryContextReset(rows->waiting_context);
	rows->waiting = NULL;
	rows->nwaiting = rows->max_waiting = 0;
}

/* As find_section(), for rows that are known by their bytes. */
static RoutedSection *
find_recent(SealRows *rows, const RowKey *key)
{
	RecentSection *recent;

	for (int i = 0; i < RECENT; i++)
	{
		recent = &rows->recent[i];
		if (recent->size == key->stored.len && recent->month == key->month &&
			memcmp(recent->stored, key->stored.data, key->stored.len) == 0)
			return recent->routed;
	}
	recent = &rows->recent[rows->next_recent];
	rows->next_recent = (rows->next_recent + 1) % RECENT;
	recent->routed = find_section(rows, key);
	recent->month = key->month;
	recent->size = key->stored.len;
	memcpy(recent->stored, key->stored.data, key->stored.len);
	return recent->routed;
}

bool
seal_rows_put(SealRows *rows, const RowKey *key, const char *row, uint32 size)
{
	RoutedSection *routed = key->stored.len > 0 && key->stored.len <= MAX_STORED
								? find_recent(rows, key)
								: find_section(rows, key);

	if (rows->in_order)
		return section_add(routed->section, key, row, size);
	if (rows->sort == NULL)
	{
		if (wait_with(rows, routed->number, key, row, size))
			return true;
		begin_sort(rows);
	}
	put_to_sort(rows, routed->number, key, row, size);
	return true;
}

/* The section that rows of the sort go to, one after the other; its record in the current memory context. */
typedef struct SortedSection
{
	int32 number;
	Section *section; /* NULL: before the first row */
	List *records;    /* of those before */
	MemoryContext context;
} SortedSection;

static void
end_sorted(SortedSection *sorted)
{
	if (sorted->section != NULL)
		sorted->records = lappend(sorted->records, section_close(sorted->section));
	sorted->section = NULL;
}

static void
begin_sorted(SealRows *rows, SortedSection *sorted, int32 number)
{
	MemoryContext old = MemoryContextSwitchTo(sorted->context);

	Assert(number < rows->nsections);
	end_sorted(sorted);
	sorted->number = number;
	sorted->section = open_section(rows, rows->sections[number]);
	MemoryContextSwitchTo(old);
}

/* Adds a row that comes from the sort to its section. */
static void
take_sorted(SealRows *rows, SortedSection *sorted, struct varlena *datum)
{
	const char *at = VARDATA_ANY(datum);
	const char *end = at + VARSIZE_ANY_EXHDR(datum);
	int32 number = bytes_get_u32(at);
	RowKey key = {0};

	at += sizeof(uint32);
	if (rows->form->kind == ROW_HEADER)
	{
		key.je_number = code_from_cstring(at);
		at += key.je_number.len + 1;
	}
	key.je_id = (int64) (bytes_get_u64(at) ^ SIGN_64);
	at += sizeof(uint64);
	key.line_no = (int16) (bytes_get_u16(at) ^ SIGN_16);
	at += sizeof(uint16);
	key.debit = bytes_get_i128(at);
	at += sizeof(int128);
	key.credit = bytes_get_i128(at);
	at += sizeof(int128);
	Assert(at < end);
	if (sorted->section == NULL || sorted->number != number)
		begin_sorted(rows, sorted, number);
	if (!section_add(sorted->section, &key, at, end - at))
		elog(ERROR, "a sort returned rows in the wrong order");
}

static List *
take_all_sorted(SealRows *rows)
{
	SortedSection sorted = {.context = CurrentMemoryContext};
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "sorted row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row_context);
	Datum datum;
	bool isnull;

	tuplesort_performsort(rows->sort);
	while (get_sorted_datum(rows->sort, &datum, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		take_sorted(rows, &sorted, (struct varlena *) DatumGetPointer(datum));
		MemoryContextReset(row_context);
	}
	tuplesort_end(rows->sort);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
	end_sorted(&sorted);
	return sorted.records;
}

static int
compare_waiting(const void *a, const void *b)
{
	const WaitingRow *x = *(WaitingRow *const *) a;
	const WaitingRow *y = *(WaitingRow *const *) b;

	if (x->je_id != y->je_id)
		return x->je_id < y->je_id ? -1 : 1;
	return x->line_no - y->line_no;
}

/* The record of a section of so many lines, which nearly always are in order. */
static SectionRecord *
seal_waiting(const SealRows *rows, int32 number, WaitingRow **lines, int64 nlines)
{
	Section *section = open_section(rows, rows->sections[number]);

	for (int64 i = 1; i < nlines; i++)
		if (compare_waiting(&lines[i - 1], &lines[i]) > 0)
		{
			qsort(lines, nlines, sizeof(WaitingRow *), compare_waiting);
			break;
		}
	for (int64 i = 0; i < nlines; i++)
	{
		RowKey key = {.je_id = lines[i]->je_id,
					  .line_no = lines[i]->line_no,
					  .debit = lines[i]->debit,
					  .credit = lines[i]->credit};

		if (!section_add(section, &key, lines[i]->bytes, lines[i]->size))
			elog(ERROR, "a sort returned rows in the wrong order");
	}
	return section_close(section);
}

/* Lines by section, in the order in which they came. */
static List *
take_all_waiting(SealRows *rows)
{
	List *records = NIL;
	int64 *ends = palloc0_array(int64, rows->nsections + 1); /* of each section, among all */
	WaitingRow **lines =
		palloc_extended((rows->nwaiting + 1) * sizeof(WaitingRow *), MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < rows->nwaiting; i++)
		ends[rows->waiting[i].section + 1]++;
	for (int i = 0; i < rows->nsections; i++)
		ends[i + 1] += ends[i];
	/* Now each is where its section begins, and goes to where it ends. */
	for (int64 i = 0; i < rows->nwaiting; i++)
		lines[ends[rows->waiting[i].section]++] = &rows->waiting[i];
	for (int i = 0; i < rows->nsections; i++)
	{
		int64 first = i == 0 ? 0 : ends[i - 1];

		CHECK_FOR_INTERRUPTS();
		records = lappend(records, seal_waiting(rows, i, lines + first, ends[i] - first));
	}
	pfree(lines);
	pfree(ends);
	return records;
}

bool
seal_rows_have(const SealRows *rows, DateADT month, Code fund, Code account)
{
	for (int i = 0; i < rows->nsections; i++)
	{
		const CodeKey *key = &rows->sections[i]->code_key;

		if (key->number == month && code_equal(key->codes[2], fund) &&
			code_equal(key->codes[3], account))
			return true;
	}
	return false;
}

static void
free_rows(SealRows *rows)
{
	if (rows->waiting_context != NULL)
		MemoryContextDelete(rows->waiting_context);
	pfree(rows->room.data);
	pfree(rows->sections);
	hash_destroy(rows->map.table);
	pfree(rows->map.index);
	pfree(rows);
}

void
seal_rows_discard(SealRows *rows)
{
	for (int i = 0; rows->in_order && i < rows->nsections; i++)
		section_discard(rows->sections[i]->section);
	if (rows->sort != NULL)
		tuplesort_end(rows->sort);
	free_rows(rows);
}

List *
seal_rows_close(SealRows *rows)
{
	List *records = NIL;

	if (rows->sort != NULL)
		records = take_all_sorted(rows);
	else if (!rows->in_order)
		records = take_all_waiting(rows);
	for (int i = 0; rows->in_order && i < rows->nsections; i++)
		records = lappend(records, section_close(rows->sections[i]->section));
	free_rows(rows);
	return records;
}
