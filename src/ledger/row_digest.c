/*
 * row_digest.c
 *		The digest of source rows (see row_digest.h).
 *
 * Every row is hashed when it is expanded, validated and posted, so this is
 * made to be fast: two lanes of 64 bits take eight bytes of a value at a time,
 * each in the manner of xxHash's rounds (a multiplication, a turn, another
 * multiplication), which for a given word loses nothing of what came before.
 * The lanes differ in all their constants and are mixed at the end.
 */
#include "ledger/row_digest.h"

#include "common/columns.h"

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
	bool by_text; /* output is what is hashed */
	FmgrInfo output;
	uint64 high; /* the name, for each lane */
	uint64 low;
} Column;

struct RowDigest
{
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
			char *text = OutputFunctionCall((FmgrInfo *) &column->output, values[at]);

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
set_column(Column *column, Form_pg_attribute att)
{
	Oid output;
	bool is_varlena;
	int length = strlen(NameStr(att->attname));

	column->number = att->attnum;
	column->name = pstrdup(NameStr(att->attname));
	column->type = att->atttypid;
	column->typmod = att->atttypmod;
	column->len = att->attlen;
	column->by_value = att->attbyval;
	column->high = hash_bytes_extended((const unsigned char *) column->name, length, SEED_HIGH);
	column->low = hash_bytes_extended((const unsigned char *) column->name, length, SEED_LOW);
	column->by_text = att->attlen == -2 || refers_to_catalogs(att->atttypid);
	if (column->by_text)
	{
		getTypeOutputInfo(att->atttypid, &output, &is_varlena);
		fmgr_info(output, &column->output);
	}
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
allocate(int ncolumns)
{
	return palloc0(offsetof(RowDigest, columns) + sizeof(Column) * ncolumns);
}

static RowDigest *
open_named(TupleDesc tupdesc, Datum names)
{
	RowDigest *rows;
	Datum *list;
	int count;

	deconstruct_array(DatumGetArrayTypeP(names), TEXTOID, -1, false, TYPALIGN_INT, &list, NULL,
					  &count);
	rows = allocate(count);
	for (int i = 0; i < count; i++)
	{
		char *name = TextDatumGetCString(list[i]);
		AttrNumber number = column_number(tupdesc, name);

		if (number == InvalidAttrNumber)
			ereport(ERROR, (errcode(ERRCODE_LE_BAD_LAYOUT),
							errmsg("source rows have no column %s", name)));
		set_column(&rows->columns[rows->ncolumns++], TupleDescAttr(tupdesc, number - 1));
	}
	return rows;
}

RowDigest *
row_digest_open(TupleDesc tupdesc, Datum names)
{
	RowDigest *rows;

	if (names != (Datum) 0)
		rows = open_named(tupdesc, names);
	else
	{
		rows = allocate(tupdesc->natts);
		for (int i = 0; i < tupdesc->natts; i++)
			if (stores_values(TupleDescAttr(tupdesc, i)))
				set_column(&rows->columns[rows->ncolumns++], TupleDescAttr(tupdesc, i));
	}
	qsort(rows->columns, rows->ncolumns, sizeof(Column), compare_names);
	return rows;
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

	for (int i = 0; i < rows->ncolumns; i++)
		list[i] = CStringGetTextDatum(
			format_type_with_typemod(rows->columns[i].type, rows->columns[i].typmod));
	return text_array(list, rows->ncolumns);
}
