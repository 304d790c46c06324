/*
 * form.c
 *		Forms of rows (see form.h).
 */
#include "seal/form.h"

#include "common/columns.h"
#include "common/month.h"
#include "ledger/line_layout.h"
#include "seal/bytes.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

/* An amount is in range of 128 bits with so many digits, of which so many are decimals. */
#define AMOUNT_DIGITS   32
#define AMOUNT_DECIMALS 4

/* Stands for a numeric that is not a number: no amount is so small. */
#define AMOUNT_NAN ((Amount) ((uint128) 1 << 127))

static const char *const class_names[VALUE_CLASSES] = {"i2",   "i4",     "i8",   "bool", "date",
													   "time", "amount", "text", "other"};

/* Bytes of a value; 0: they begin with their number. */
static const int class_sizes[VALUE_CLASSES] = {2, 4, 8, 1, 4, 8, 16, 0, 0};

const char *const column_group_names[COLUMN_GROUPS] = {"identity", "source", "amounts"};

static const char *const identity_columns[] = {
	"je_date",   "je_id",         "je_number",   "journal_type", "line_no",
	"posted_at", "original_date", "reversal_of", "run_id",       NULL};

static const char *const amount_columns[] = {"credit",       "currency",    "debit", "line_count",
											 "total_credit", "total_debit", NULL};

/* What a section has once for all its rows. */
static const char *const header_keys[] = {"entity_code", "basis", NULL};
static const char *const line_keys[] = {"entity_code",  "basis",    "fund",
										"account_code", "currency", NULL};

typedef struct BoundColumn
{
	int index; /* in the values of a row; -1: the row type has no such column */
	ValueClass value_class;
	Oid type;
	FmgrInfo output; /* of those that are printed */
} BoundColumn;

struct BoundForm
{
	const RowForm *form;
	BoundColumn *columns;
	bool converts; /* texts are not in UTF-8 */
	DateADT date;  /* that was met last, and its month */
	DateADT month;
	/* The keys' columns. */
	int entity;
	int basis;
	int fund;
	int account;
	int currency;
	int je_date;
	int je_number;
	int je_id;
	int line_no;
	int debit;
	int credit;
};

static ValueClass
class_of(Form_pg_attribute att)
{
	int precision;
	int scale;

	switch (att->atttypid)
	{
		case INT2OID:
			return CLASS_I2;
		case INT4OID:
			return CLASS_I4;
		case INT8OID:
			return CLASS_I8;
		case BOOLOID:
			return CLASS_BOOL;
		case DATEOID:
			return CLASS_DATE;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return CLASS_TIME;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case CHAROID:
		case NAMEOID:
			return CLASS_TEXT;
		case NUMERICOID:
			return column_numeric_size(att->atttypmod, &precision, &scale) &&
						   precision <= AMOUNT_DIGITS && scale >= 0 && scale <= AMOUNT_DECIMALS
					   ? CLASS_AMOUNT
					   : CLASS_OTHER;
		default:
			return CLASS_OTHER;
	}
}

static ColumnGroup
group_of(const char *name)
{
	return column_name_in(name, identity_columns) ? GROUP_IDENTITY
		   : column_name_in(name, amount_columns) ? GROUP_AMOUNTS
												  : GROUP_SOURCE;
}

static int
compare_columns(const void *a, const void *b)
{
	return strcmp(((const FormColumn *) a)->name, ((const FormColumn *) b)->name);
}

static RowForm *
make_form(RowKind kind, int max_columns)
{
	RowForm *form = palloc0_object(RowForm);

	form->kind = kind;
	form->columns = palloc0_array(FormColumn, max_columns + 1);
	return form;
}

static void
add_column(RowForm *form, char *name, ValueClass value_class)
{
	FormColumn *column = &form->columns[form->ncolumns++];

	column->name = name;
	column->value_class = value_class;
	column->group = group_of(name);
	form->bitmap_size = (form->ncolumns + 7) / 8;
}

RowForm *
form_of_table(TupleDesc tupdesc, RowKind kind)
{
	const char *const *keys = kind == ROW_HEADER ? header_keys : line_keys;
	RowForm *form = make_form(kind, tupdesc->natts);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && !column_name_in(NameStr(att->attname), keys))
			add_column(form, pstrdup(NameStr(att->attname)), class_of(att));
	}
	qsort(form->columns, form->ncolumns, sizeof(FormColumn), compare_columns);
	return form;
}

/* The next name or class of a list, up to the character that ends it, without the backslashes in it; NULL where there is none. */
static char *
next_word(const char **at, char end)
{
	StringInfoData word;

	initStringInfo(&word);
	for (; **at != end && **at != '\0'; (*at)++)
	{
		if (**at == '\\' && *++(*at) == '\0')
			return NULL;
		appendStringInfoCharMacro(&word, **at);
	}
	return word.len > 0 ? word.data : NULL;
}

static int
class_of_name(const char *name)
{
	int value_class = 0;

	while (value_class < VALUE_CLASSES && strcmp(name, class_names[value_class]) != 0)
		value_class++;
	return value_class;
}

RowForm *
form_from_text(const char *text, RowKind kind)
{
	RowForm *form = make_form(kind, strlen(text));
	const char *at = text;

	for (;;)
	{
		char *name = next_word(&at, ':');
		char *class_name = *at == ':' ? (at++, next_word(&at, ',')) : NULL;

		if (name == NULL || class_name == NULL || class_of_name(class_name) == VALUE_CLASSES)
			return NULL;
		add_column(form, name, class_of_name(class_name));
		if (form->ncolumns > 1 && compare_columns(&form->columns[form->ncolumns - 2],
												  &form->columns[form->ncolumns - 1]) >= 0)
			return NULL;
		if (*at == '\0')
			return form;
		at++;
	}
}

char *
form_to_text(const RowForm *form)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < form->ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoChar(&text, ',');
		for (const char *p = form->columns[i].name; *p != '\0'; p++)
		{
			if (*p == '\\' || *p == ',' || *p == ':')
				appendStringInfoChar(&text, '\\');
			appendStringInfoChar(&text, *p);
		}
		appendStringInfo(&text, ":%s", class_names[form->columns[i].value_class]);
	}
	return text.data;
}

bool
form_prints(const RowForm *form)
{
	for (int i = 0; i < form->ncolumns; i++)
		if (form->columns[i].value_class == CLASS_OTHER)
			return true;
	return false;
}

static int
key_index(TupleDesc tupdesc, const char *table, const char *name, Oid type)
{
	return column_find(tupdesc, table, name, type) - 1;
}

BoundForm *
form_bind(const RowForm *form, TupleDesc tupdesc, const char *table)
{
	BoundForm *bound = palloc0_object(BoundForm);
	bool is_header = form->kind == ROW_HEADER;

	bound->form = form;
	bound->month = month_of(0);
	bound->converts = GetDatabaseEncoding() != PG_UTF8;
	bound->columns = palloc0_array(BoundColumn, form->ncolumns + 1);
	for (int i = 0; i < form->ncolumns; i++)
	{
		BoundColumn *column = &bound->columns[i];
		Oid output;
		bool is_varlena;

		column->index = column_number(tupdesc, form->columns[i].name) - 1;
		column->value_class = form->columns[i].value_class;
		if (column->index < 0)
			continue;
		column->type = TupleDescAttr(tupdesc, column->index)->atttypid;
		/* A value of another class is not the one that was sealed. */
		if (class_of(TupleDescAttr(tupdesc, column->index)) != column->value_class)
			column->index = -1;
		else if (column->value_class == CLASS_OTHER)
		{
			getTypeOutputInfo(column->type, &output, &is_varlena);
			fmgr_info(output, &column->output);
		}
	}
	if (form->kind == ROW_EXCEPTION)
		return bound;
	bound->entity = key_index(tupdesc, table, "entity_code", TEXTOID);
	bound->basis = key_index(tupdesc, table, "basis", TEXTOID);
	bound->je_date = key_index(tupdesc, table, "je_date", DATEOID);
	bound->je_id = key_index(tupdesc, table, "je_id", INT8OID);
	bound->debit = key_index(tupdesc, table, is_header ? "total_debit" : "debit", NUMERICOID);
	bound->credit = key_index(tupdesc, table, is_header ? "total_credit" : "credit", NUMERICOID);
	if (is_header)
		bound->je_number = key_index(tupdesc, table, "je_number", TEXTOID);
	else
	{
		bound->line_no = key_index(tupdesc, table, "line_no", INT2OID);
		bound->fund = key_index(tupdesc, table, "fund", TEXTOID);
		bound->account = key_index(tupdesc, table, "account_code", TEXTOID);
		bound->currency = key_index(tupdesc, table, "currency", TEXTOID);
	}
	return bound;
}

const RowForm *
form_of(const BoundForm *bound)
{
	return bound->form;
}

/*
 * A text in another encoding, where that can be: of SQL_ASCII nobody knows what it is, and some characters have no counterpart.
 * Posting does not fail for that, so that the text stays as it is.
 */
static Code
in_encoding(Code text, int from, int to)
{
	Oid proc;
	Size size;
	unsigned char *converted;

	if (from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII || text.len == 0)
		return text;
	proc = FindDefaultConversionProc(from, to);
	if (!OidIsValid(proc))
		return text;
	size = (Size) text.len * MAX_CONVERSION_GROWTH + 1;
	converted = palloc(size);
	if (pg_do_encoding_conversion_buf(proc, from, to, (unsigned char *) text.data, text.len,
									  converted, (int) size, true) < text.len)
		return text;
	return code_from_cstring((char *) converted);
}

Code
form_code(Code code)
{
	return code_copy(in_encoding(code, GetDatabaseEncoding(), PG_UTF8));
}

Code
form_code_back(Code code)
{
	return code_copy(in_encoding(code, PG_UTF8, GetDatabaseEncoding()));
}

/* A text with its length, in UTF-8. */
static void
put_text(const BoundForm *bound, StringInfo row, const char *data, int size)
{
	Code text = {data, size};

	if (unlikely(bound->converts))
		text = in_encoding(text, GetDatabaseEncoding(), PG_UTF8);
	bytes_put_u32(row, text.len);
	appendBinaryStringInfo(row, text.data, text.len);
}

static void
put_text_value(const BoundForm *bound, const BoundColumn *column, StringInfo row, Datum value)
{
	if (likely(column->type == TEXTOID || column->type == VARCHAROID || column->type == BPCHAROID))
	{
		Code text = code_from_datum(value);

		put_text(bound, row, text.data, text.len);
	}
	else if (column->type == NAMEOID)
		put_text(bound, row, NameStr(*DatumGetName(value)), strlen(NameStr(*DatumGetName(value))));
	else
	{
		char c = DatumGetChar(value);

		put_text(bound, row, &c, c == '\0' ? 0 : 1);
	}
}

static void
put_printed(const BoundForm *bound, BoundColumn *column, StringInfo row, Datum value)
{
	char *text;

	if (column->type == NUMERICOID)
		value = DirectFunctionCall1(numeric_trim_scale, value);
	text = OutputFunctionCall(&column->output, value);
	put_text(bound, row, text, strlen(text));
}

static void
put_amount(StringInfo row, Datum value)
{
	Amount amount;

	/* The column's precision leaves nothing else that would not fit. */
	if (unlikely(!amount_from_any(value, &amount)))
		amount = AMOUNT_NAN;
	bytes_put_i128(row, amount);
}

static void
put_value(BoundForm *bound, BoundColumn *column, StringInfo row, Datum value)
{
	switch (column->value_class)
	{
		case CLASS_I2:
			bytes_put_u16(row, (uint16) DatumGetInt16(value));
			break;
		case CLASS_I4:
			bytes_put_u32(row, (uint32) DatumGetInt32(value));
			break;
		case CLASS_I8:
		case CLASS_TIME:
			bytes_put_u64(row, (uint64) DatumGetInt64(value));
			break;
		case CLASS_BOOL:
			appendStringInfoCharMacro(row, DatumGetBool(value) ? 1 : 0);
			break;
		case CLASS_DATE:
			bytes_put_u32(row, (uint32) DatumGetDateADT(value));
			break;
		case CLASS_AMOUNT:
			put_amount(row, value);
			break;
		case CLASS_TEXT:
			put_text_value(bound, column, row, value);
			break;
		case CLASS_OTHER:
		case VALUE_CLASSES:
			put_printed(bound, column, row, value);
			break;
	}
}

static void
set_key(BoundForm *bound, const Datum *values, RowKey *key)
{
	DateADT date = DatumGetDateADT(values[bound->je_date]);

	if (unlikely(date != bound->date))
	{
		bound->date = date;
		bound->month = month_of(date);
	}
	key->entity = code_from_datum(values[bound->entity]);
	key->basis = code_from_datum(values[bound->basis]);
	key->month = bound->month;
	key->je_id = DatumGetInt64(values[bound->je_id]);
	key->debit = amount_from_sum(values[bound->debit]);
	key->credit = amount_from_sum(values[bound->credit]);
	key->fund = key->account = key->currency = key->je_number = code_from_cstring("");
	key->line_no = 0;
	if (bound->form->kind == ROW_HEADER)
		key->je_number = code_from_datum(values[bound->je_number]);
	else
	{
		key->line_no = DatumGetInt16(values[bound->line_no]);
		key->fund = code_from_datum(values[bound->fund]);
		key->account = code_from_datum(values[bound->account]);
		key->currency = code_from_datum(values[bound->currency]);
	}
}

/* What sorts a row has a value, unless the table is not the engine's any more. */
static void
require_key(const BoundForm *bound, const bool *isnull)
{
	const int keys[] = {bound->entity, bound->basis, bound->je_date,
						bound->je_id,  bound->debit, bound->credit};
	const int header[] = {bound->je_number};
	const int line[] = {bound->line_no, bound->fund, bound->account, bound->currency};
	bool missing = false;

	for (int i = 0; i < lengthof(keys); i++)
		missing = missing || isnull[keys[i]];
	for (int i = 0; bound->form->kind == ROW_HEADER && i < lengthof(header); i++)
		missing = missing || isnull[header[i]];
	for (int i = 0; bound->form->kind == ROW_LINE && i < lengthof(line); i++)
		missing = missing || isnull[line[i]];
	if (missing)
		elog(ERROR, "an entry has a null where none can be");
}

void
form_encode(BoundForm *bound, const Datum *values, const bool *isnull, StringInfo row, RowKey *key)
{
	const RowForm *form = bound->form;
	int start = row->len;

	if (key != NULL)
	{
		require_key(bound, isnull);
		set_key(bound, values, key);
	}
	enlargeStringInfo(row, form->bitmap_size);
	memset(row->data + start, 0, form->bitmap_size);
	row->len += form->bitmap_size;
	for (int i = 0; i < form->ncolumns; i++)
	{
		BoundColumn *column = &bound->columns[i];

		if (column->index < 0 || isnull[column->index])
			continue;
		row->data[start + i / 8] |= 0x80 >> (i % 8);
		put_value(bound, column, row, values[column->index]);
	}
}

void
form_position(const BoundForm *bound, HeapTuple tuple, TupleDesc tupdesc, int64 *je_id,
			  int16 *line_no)
{
	bool isnull;
	Datum value;

	value = fastgetattr(tuple, bound->je_id + 1, tupdesc, &isnull);
	*je_id = isnull ? 0 : DatumGetInt64(value);
	value = fastgetattr(tuple, bound->line_no + 1, tupdesc, &isnull);
	*line_no = isnull ? 0 : DatumGetInt16(value);
}

bool
form_next_value(const RowForm *form, int column, const char *row, uint32 size, uint32 *at,
				const char **value, uint32 *value_size)
{
	uint32 from;

	if (*at == 0)
		*at = form->bitmap_size;
	Assert(column >= 0 && column < form->ncolumns && *at <= size);
	if ((row[column / 8] & (0x80 >> (column % 8))) == 0)
		return false;
	from = *at;
	*value_size = class_sizes[form->columns[column].value_class];
	if (*value_size == 0)
		*value_size = sizeof(uint32) + bytes_get_u32(row + from);
	*value = row + from;
	*at = from + *value_size;
	Assert(*at <= size);
	return true;
}

void
form_add_checksums(const RowForm *form, const char *row, uint32 size,
				   uint32 checksums[COLUMN_GROUPS])
{
	uint32 at = form->bitmap_size;
	uint32 from = at;
	ColumnGroup group = GROUP_IDENTITY;

	for (int i = 0; i < form->ncolumns; i++)
	{
		const FormColumn *column = &form->columns[i];
		uint32 value_size;

		if ((row[i / 8] & (0x80 >> (i % 8))) == 0)
			continue;
		if (column->group != group)
		{
			COMP_CRC32C(checksums[group], row + from, at - from);
			group = column->group;
			from = at;
		}
		value_size = class_sizes[column->value_class];
		at += value_size != 0 ? value_size : sizeof(uint32) + bytes_get_u32(row + at);
	}
	Assert(at == size);
	COMP_CRC32C(checksums[group], row + from, at - from);
}
