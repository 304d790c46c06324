/*
 * row_digest.c
 *		The digest of rows (see row_digest.h).
 *
 * Every row is hashed when it is expanded, validated and posted, so this is
 * made to be fast: two lanes of 64 bits take eight bytes of a value at a time,
 * each in the manner of xxHash's rounds (a multiplication, a turn, another
 * multiplication), which for a given word loses nothing of what came before.
 * The lanes differ in all their constants and are mixed at the end.
 */
#include "ledger/row_digest.h"

#include "common/columns.h"
#include "common/settings_scope.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The constants of the two lanes: odd, and with as many ones as zeros or nearly so. */
#define HIGH_WORD UINT64CONST(0x9e3779b97f4a7c15)
#define HIGH_LANE UINT64CONST(0xbf58476d1ce4e5b9)
#define LOW_WORD  UINT64CONST(0xd6e8feb86659fd93)
#define LOW_LANE  UINT64CONST(0x94d049bb133111eb)
#define LENGTH    UINT64CONST(0xff51afd7ed558ccd)

#define SEED_HIGH UINT64CONST(0x6c65646765720003)
#define SEED_LOW  UINT64CONST(0x6c65646765720004)

typedef struct Column
{
	AttrNumber number;
	const char *name;
	Oid type;
	int32 typmod;
	int16 len; /* as in pg_type */
	bool by_value;
	bool by_text;          /* output is what is hashed */
	bool skips_line_feeds; /* that the text begins with */
	FmgrInfo output;
	uint64 high; /* the name, for each lane */
	uint64 low;
} Column;

struct RowDigest
{
	Column **by_number; /* NULL: it is not digested; from 1 */
	int ncolumns;
	Column columns[FLEXIBLE_ARRAY_MEMBER];
};

typedef struct Lanes
{
	uint64 high;
	uint64 low;
} Lanes;

static inline uint64
rotate(uint64 word, int n)
{
	return (word << n) | (word >> (64 - n));
}

static inline void
add_word(Lanes *lanes, uint64 word)
{
	lanes->high = rotate(lanes->high + word * HIGH_WORD, 31) * HIGH_LANE;
	lanes->low = rotate(lanes->low + word * LOW_WORD, 29) * LOW_LANE;
}

static inline uint64
word_at(const char *bytes, int size)
{
	uint64 word = 0;

	if (size >= sizeof(word))
		memcpy(&word, bytes, sizeof(word));
	else
		memcpy(&word, bytes, size);
	return word;
}

static inline void
add_bytes(Lanes *lanes, const char *bytes, int size)
{
	uint64 length = (uint64) size * LENGTH;

	lanes->high += length;
	lanes->low ^= length;
	do
	{
		add_word(lanes, word_at(bytes, size));
		bytes += sizeof(uint64);
		size -= sizeof(uint64);
	} while (size > 0);
}

static inline uint64
finish(uint64 word)
{
	word ^= word >> 33;
	word *= LENGTH;
	word ^= word >> 29;
	word *= LOW_LANE;
	word ^= word >> 32;
	return word;
}

static inline void
add_varlena(Lanes *lanes, Datum value)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);

	if (unlikely(VARATT_IS_EXTERNAL(v) || VARATT_IS_COMPRESSED(v)))
		v = PG_DETOAST_DATUM_PACKED(value);
	add_bytes(lanes, VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
}

static inline void
add_value(Lanes *lanes, const Column *column, Datum value)
{
	lanes->high += column->high;
	lanes->low += column->low;
	if (column->by_value)
		add_word(lanes, (uint64) value);
	else if (column->len == -1)
		add_varlena(lanes, value);
	else
		add_bytes(lanes, DatumGetPointer(value), column->len);
}

/* Output of xml loses a line feed that it begins with, so there is one less each time it is written and read. */
static char *
output_text(const Column *column, Datum value)
{
	char *text = OutputFunctionCall((FmgrInfo *) &column->output, value);

	if (column->skips_line_feeds)
		text += strspn(text, "\n");
	return text;
}

void
row_digest_add(const RowDigest *rows, const Datum *values, const bool *isnull, Digest *sum)
{
	Lanes lanes = {SEED_HIGH, SEED_LOW};
	Digest digest;

	for (int i = 0; i < rows->ncolumns; i++)
	{
		const Column *column = &rows->columns[i];
		int at = column->number - 1;

		if (isnull[at])
			continue;
		if (unlikely(column->by_text))
		{
			char *text = output_text(column, values[at]);

			lanes.high += column->high;
			lanes.low += column->low;
			add_bytes(&lanes, text, strlen(text));
		}
		else
			add_value(&lanes, column, values[at]);
	}
	digest.high = finish(lanes.high ^ rotate(lanes.low, 21));
	digest.low = finish(lanes.low + rotate(lanes.high, 43));
	digest_add(sum, digest);
}

/* The last bytes of a value, of which there are at most eight. */
static inline uint64
last_word(const char *bytes, int size)
{
	uint32 first;
	uint32 last;

	if (size == sizeof(uint64))
		return word_at(bytes, sizeof(uint64));
	if (size >= sizeof(uint32))
	{
		memcpy(&first, bytes, sizeof(uint32));
		memcpy(&last, bytes + size - sizeof(uint32), sizeof(uint32));
		return (uint64) first << 32 | last;
	}
	if (size == 0)
		return 0;
	return (uint64) (uint8) bytes[0] << 16 | (uint64) (uint8) bytes[size / 2] << 8 |
		   (uint8) bytes[size - 1];
}

/* Adds a column by its last word; lanes are of the words before, or of its name. */
static inline void
add_last_word(Digest *part, Lanes lanes, uint64 word)
{
	uint64 high = (lanes.high ^ word) * HIGH_WORD;
	uint64 low = (lanes.low + word) * LOW_WORD;

	part->high += (high ^ (high >> 32)) * HIGH_LANE;
	part->low += (low ^ (low >> 29)) * LOW_LANE;
}

static inline void
add_column_bytes(const Column *column, const char *bytes, int size, Digest *part)
{
	Lanes lanes = {column->high + size * LENGTH, column->low ^ (size * LENGTH)};

	for (; size > sizeof(uint64); size -= sizeof(uint64), bytes += sizeof(uint64))
		add_word(&lanes, word_at(bytes, sizeof(uint64)));
	add_last_word(part, lanes, last_word(bytes, size));
}

static inline void
add_column(const Column *column, Datum value, Digest *part)
{
	if (unlikely(column->by_text))
	{
		char *text = output_text(column, value);

		add_column_bytes(column, text, strlen(text), part);
	}
	else if (column->by_value)
		add_last_word(part, (Lanes){column->high, column->low}, (uint64) value);
	else if (column->len == -1)
	{
		struct varlena *v = (struct varlena *) DatumGetPointer(value);

		if (unlikely(VARATT_IS_EXTERNAL(v) || VARATT_IS_COMPRESSED(v)))
			v = PG_DETOAST_DATUM_PACKED(value);
		add_column_bytes(column, VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v), part);
	}
	else
		add_column_bytes(column, DatumGetPointer(value), column->len, part);
}

void
row_digest_add_column(const RowDigest *rows, AttrNumber column, Datum value, Digest *part)
{
	if (rows->by_number[column] != NULL)
		add_column(rows->by_number[column], value, part);
}

void
row_digest_add_columns(const RowDigest *rows, const Datum *values, const bool *isnull, Digest *part)
{
	for (int i = 0; i < rows->ncolumns; i++)
	{
		const Column *column = &rows->columns[i];
		int at = column->number - 1;

		if (!isnull[at])
			add_column(column, values[at], part);
	}
}

void
row_digest_end(Digest part, Digest *sum)
{
	Digest digest;

	digest.high = finish(part.high ^ rotate(part.low, 21));
	digest.low = finish(part.low + rotate(part.high, 43));
	digest_add(sum, digest);
}

/* Does the stored form have numbers of catalog rows in it, which are others when it is restored? */
static bool
refers_to_catalogs(Oid type)
{
	Oid base = getBaseType(type);
	Oid element = get_element_type(base);

	if (OidIsValid(element))
		base = getBaseType(element);
	return base >= FirstNormalObjectId || column_is_reg_type(base);
}

static void
hash_as_text(Column *column)
{
	Oid output;
	bool is_varlena;

	column->by_text = true;
	getTypeOutputInfo(column->type, &output, &is_varlena);
	fmgr_info(output, &column->output);
}

static void
set_column(Column *column, Form_pg_attribute att)
{
	int length = strlen(NameStr(att->attname));

	column->number = att->attnum;
	column->name = pstrdup(NameStr(att->attname));
	column->type = att->atttypid;
	column->typmod = att->atttypmod;
	column->len = att->attlen;
	column->by_value = att->attbyval;
	column->high = hash_bytes_extended((const unsigned char *) column->name, length, SEED_HIGH);
	column->low = hash_bytes_extended((const unsigned char *) column->name, length, SEED_LOW);
	if (att->attlen == -2 || refers_to_catalogs(att->atttypid))
		hash_as_text(column);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const Column *) a)->name, ((const Column *) b)->name);
}

/* Columns that store values: those that were dropped, or are computed when read, do not. */
static bool
stores_values(Form_pg_attribute att)
{
	return !att->attisdropped && (att->attgenerated == '\0' || att->attgenerated == 's');
}

static RowDigest *
allocate(TupleDesc tupdesc, int ncolumns)
{
	RowDigest *rows = palloc0(offsetof(RowDigest, columns) + sizeof(Column) * ncolumns);

	rows->by_number = palloc0_array(Column *, tupdesc->natts + 1);
	return rows;
}

/* The columns come in the order of their names. */
static void
sort_columns(RowDigest *rows)
{
	qsort(rows->columns, rows->ncolumns, sizeof(Column), compare_names);
	for (int i = 0; i < rows->ncolumns; i++)
		rows->by_number[rows->columns[i].number] = &rows->columns[i];
}

static Datum *
text_elements(Datum array, int *count)
{
	Datum *list;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &list, NULL,
					  count);
	return list;
}

static RowDigest *
open_named(TupleDesc tupdesc, Datum names, bool may_be_gone)
{
	RowDigest *rows;
	int count;
	Datum *list = text_elements(names, &count);

	rows = allocate(tupdesc, count);
	for (int i = 0; i < count; i++)
	{
		char *name = TextDatumGetCString(list[i]);
		AttrNumber number = column_number(tupdesc, name);

		if (number != InvalidAttrNumber)
			set_column(&rows->columns[rows->ncolumns++], TupleDescAttr(tupdesc, number - 1));
		else if (!may_be_gone)
			ereport(ERROR, (errcode(ERRCODE_LE_BAD_LAYOUT),
							errmsg("source rows have no column %s", name)));
	}
	sort_columns(rows);
	return rows;
}

RowDigest *
row_digest_open(TupleDesc tupdesc, Datum names)
{
	RowDigest *rows;

	if (names != (Datum) 0)
		return open_named(tupdesc, names, false);
	rows = allocate(tupdesc, tupdesc->natts);
	for (int i = 0; i < tupdesc->natts; i++)
		if (stores_values(TupleDescAttr(tupdesc, i)))
			set_column(&rows->columns[rows->ncolumns++], TupleDescAttr(tupdesc, i));
	sort_columns(rows);
	return rows;
}

/* Does a column of lines say which line it is? */
static bool
binds_to_line(const char *name)
{
	return strcmp(name, line_columns[LINE_JE_ID]) == 0 ||
		   strcmp(name, line_columns[LINE_LINE_NO]) == 0;
}

RowDigest *
row_digest_open_added(TupleDesc tupdesc)
{
	RowDigest *rows = allocate(tupdesc, tupdesc->natts);
	bool has_added = false;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		bool added = stores_values(att) && !column_name_in(NameStr(att->attname), line_columns);

		if (added || binds_to_line(NameStr(att->attname)))
			set_column(&rows->columns[rows->ncolumns++], att);
		has_added = has_added || added;
	}
	sort_columns(rows);
	return has_added ? rows : NULL;
}

/* Is a value of a type stored in one form only, whatever it was made of? */
static bool
has_one_form(const Column *column)
{
	switch (getBaseType(column->type))
	{
		case FLOAT4OID:
		case FLOAT8OID:
			/* What was computed may be another NaN than what is read. */
			return false;
		case BYTEAOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NUMERICOID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
			return true;
		default:
			return column->by_value;
	}
}

RowDigest *
row_digest_open_portable(TupleDesc tupdesc, Datum names)
{
	RowDigest *rows = row_digest_open(tupdesc, names);

	for (int i = 0; i < rows->ncolumns; i++)
		if (!has_one_form(&rows->columns[i]))
		{
			hash_as_text(&rows->columns[i]);
			rows->columns[i].skips_line_feeds = getBaseType(rows->columns[i].type) == XMLOID;
		}
	return rows;
}

RowDigest *
row_digest_open_kept(TupleDesc tupdesc, Datum names)
{
	return open_named(tupdesc, names, true);
}

static char *
type_name(Oid type, int32 typmod)
{
	return format_type_with_typemod(type, typmod);
}

char *
row_digest_changes(TupleDesc tupdesc, Datum names, Datum types)
{
	int count;
	int ntypes;
	Datum *name = text_elements(names, &count);
	Datum *type = text_elements(types, &ntypes);
	int scope = settings_scope_open_pinned();
	StringInfoData changes;

	initStringInfo(&changes);
	for (int i = 0; i < Min(count, ntypes); i++)
	{
		char *column = TextDatumGetCString(name[i]);
		char *before = TextDatumGetCString(type[i]);
		AttrNumber number = column_number(tupdesc, column);
		Form_pg_attribute att =
			number != InvalidAttrNumber ? TupleDescAttr(tupdesc, number - 1) : NULL;
		const char *separator = changes.len > 0 ? ", " : "";

		if (att == NULL)
			appendStringInfo(&changes, "%scolumn %s is gone", separator, column);
		else if (strcmp(type_name(att->atttypid, att->atttypmod), before) != 0)
			appendStringInfo(&changes, "%scolumn %s is of type %s, it was %s", separator, column,
							 type_name(att->atttypid, att->atttypmod), before);
	}
	settings_scope_close(scope);
	return changes.len > 0 ? changes.data : NULL;
}

bool
row_digest_prints(const RowDigest *rows)
{
	for (int i = 0; i < rows->ncolumns; i++)
		if (rows->columns[i].by_text)
			return true;
	return false;
}

static Datum
text_array(Datum *list, int count)
{
	return PointerGetDatum(construct_array(list, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
row_digest_names(const RowDigest *rows)
{
	Datum *list = palloc_array(Datum, rows->ncolumns + 1);

	for (int i = 0; i < rows->ncolumns; i++)
		list[i] = CStringGetTextDatum(rows->columns[i].name);
	return text_array(list, rows->ncolumns);
}

Datum
row_digest_types(const RowDigest *rows)
{
	Datum *list = palloc_array(Datum, rows->ncolumns + 1);
	int scope = settings_scope_open_pinned();

	for (int i = 0; i < rows->ncolumns; i++)
		list[i] = CStringGetTextDatum(type_name(rows->columns[i].type, rows->columns[i].typmod));
	settings_scope_close(scope);
	return text_array(list, rows->ncolumns);
}
