/*
 * form.c
 *		Forms of rows (see form.h).
 */
#include "seal/form.h"

#include "common/columns.h"
#include "common/month.h"
#include "ledger/line_layout.h"
#include "seal/bytes.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
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
	bool is_other_class; /* the column was changed: its values are none that were sealed */
	Oid type;
	FmgrInfo output; /* of those that are printed */
} BoundColumn;

struct BoundForm
{
	const RowForm *form;
	BoundColumn *columns;
	bool converts; /* texts are not in UTF-8 */
	DateADT month; /* of the date that was met last */
	DateADT next_month;
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

/* The columns of a line that has no others than the engine's. */
#define LINE_FORM                                                               \
	"channel:text,credit:amount,debit:amount,je_date:date,je_id:i8,line_no:i2," \
	"product_code:text,run_id:i8,txn_id:i8"

/* Its bits: all columns have values. */
static const char line_bits[2] = {(char) 0xff, (char) 0x80};

/* Bytes of the values that are no texts, and of the lengths of those that are. */
#define LINE_FIXED (2 + 4 + 16 + 16 + 4 + 8 + 2 + 4 + 8 + 8)

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

static bool
is_line_form(const RowForm *form)
{
	return form->kind == ROW_LINE && strcmp(form_to_text(form), LINE_FORM) == 0;
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
	form->is_line = is_line_form(form);
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
			break;
		at++;
	}
	form->is_line = is_line_form(form);
	return form;
}

RowForm *
form_read(const char *text, RowKind kind)
{
	RowForm *form = form_from_text(text, kind);

	if (form == NULL)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("these are not columns of a seal: %s", text)));
	return form;
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
		column->is_other_class =
			class_of(TupleDescAttr(tupdesc, column->index)) != column->value_class;
		if (column->is_other_class || column->value_class == CLASS_OTHER)
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
	bytes_put(row, text.data, text.len);
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

/*
 * A value of another class than was sealed, where the column was changed since. It is none that was sealed, and NULL is none either, so that
 * it has bytes that nobody can have foreseen.
 */
static void
put_other_class(const BoundForm *bound, BoundColumn *column, StringInfo row, Datum value)
{
	int size = class_sizes[column->value_class];

	if (size == 0)
		put_printed(bound, column, row, value);
	else
	{
		enlargeStringInfo(row, size);
		/* A boolean is 0 or 1. */
		if (column->value_class == CLASS_BOOL)
			row->data[row->len] = (char) 0xff;
		else if (!pg_strong_random(row->data + row->len, size))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
		row->len += size;
	}
}

static void
put_value(BoundForm *bound, BoundColumn *column, StringInfo row, Datum value)
{
	if (unlikely(column->is_other_class))
	{
		put_other_class(bound, column, row, value);
		return;
	}
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

static DateADT
month_of_row(BoundForm *bound, DateADT date)
{
	if (unlikely(date < bound->month || date >= bound->next_month))
	{
		bound->month = month_of(date);
		bound->next_month = month_after(bound->month, 1);
	}
	return bound->month;
}

/* Zero where it is no amount, which only its bytes show. */
static Amount
amount_of_key(Datum value)
{
	Amount amount;

	return likely(amount_from_any(value, &amount)) ? amount : 0;
}

static void
set_key(BoundForm *bound, const Datum *values, RowKey *key)
{
	key->entity = code_from_datum(values[bound->entity]);
	key->basis = code_from_datum(values[bound->basis]);
	key->month = month_of_row(bound, DatumGetDateADT(values[bound->je_date]));
	key->je_id = DatumGetInt64(values[bound->je_id]);
	key->debit = amount_of_key(values[bound->debit]);
	key->credit = amount_of_key(values[bound->credit]);
	key->fund = key->account = key->currency = key->je_number = code_from_cstring("");
	key->line_no = 0;
	key->stored.len = 0;
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
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("an entry has a null where none can be")));
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
		/* What the key has is not read again. Zero may stand for what is no amount. */
		if (column->value_class == CLASS_AMOUNT && !column->is_other_class && key != NULL &&
			column->index == bound->debit && key->debit != 0)
			bytes_put_i128(row, key->debit);
		else if (column->value_class == CLASS_AMOUNT && !column->is_other_class && key != NULL &&
				 column->index == bound->credit && key->credit != 0)
			bytes_put_i128(row, key->credit);
		else
			put_value(bound, column, row, values[column->index]);
	}
}

bool
form_encode_line(BoundForm *bound, const Line *line, StringInfo row, RowKey *key)
{
	const char *codes[LINE_CODES];
	const char *p;
	Code channel;
	Code product;

	if (unlikely(line->start == NULL || !bound->form->is_line || bound->converts))
		return false;
	p = line->stored_codes;
	for (int i = 0; i < LINE_CODES; i++, p += VARSIZE_SHORT(p))
		codes[i] = p;
	Assert(codes[CODE_PRODUCT] == line->stored_product && p == line->stored_debit);
	key->entity = code_from_datum(PointerGetDatum(codes[CODE_ENTITY]));
	key->basis = line->basis;
	key->fund = line->fund;
	key->account = line->account_code;
	key->currency = code_from_datum(PointerGetDatum(codes[CODE_CURRENCY]));
	key->month = month_of_row(bound, line->je_date);
	key->je_number = code_from_cstring("");
	key->je_id = line->je_id;
	key->line_no = line->line_no;
	key->debit = line->debit;
	key->credit = line->credit;
	key->stored.data = line->stored_codes;
	key->stored.len = line->stored_product - line->stored_codes;

	channel = code_from_datum(PointerGetDatum(codes[CODE_CHANNEL]));
	product = code_from_datum(PointerGetDatum(codes[CODE_PRODUCT]));
	bytes_reserve(row, LINE_FIXED + channel.len + product.len);
	bytes_put(row, line_bits, sizeof(line_bits));
	bytes_put_u32(row, channel.len);
	bytes_put(row, channel.data, channel.len);
	bytes_put_i128(row, line->credit);
	bytes_put_i128(row, line->debit);
	bytes_put_u32(row, (uint32) line->je_date);
	bytes_put_u64(row, (uint64) line->je_id);
	bytes_put_u16(row, (uint16) line->line_no);
	bytes_put_u32(row, product.len);
	bytes_put(row, product.data, product.len);
	bytes_put_u64(row, (uint64) line->start->run_id);
	bytes_put_u64(row, (uint64) line->txn_id);
	return true;
}

/*
 * Checksums find accidents and careless changes, for which 16 bits of a row and 32 of a block's columns do; what was changed to keep them
 * is found by the hash of its block. A row is taken by words, as its values are short.
 */
#define CHECKSUM_START UINT64CONST(1)

/* Mixes a word into a checksum: another checksum or another word gives another result. */
static inline uint64
mix(uint64 checksum, uint64 word)
{
	checksum = (checksum ^ word) * UINT64CONST(0x9e3779b97f4a7c15);
	return checksum ^ (checksum >> 32);
}

/*
 * Mixes a value in; one of four bytes and more is taken by words, the last of which may overlap the one before. The caller adds the
 * number of the column to the checksum, so that a value of one column is not that of another.
 */
static pg_attribute_always_inline uint64
mix_value(uint64 checksum, const char *value, uint32 size)
{
	switch (size)
	{
		case 1:
			return mix(checksum, (uint8) *value);
		case 2:
			return mix(checksum, bytes_get_u16(value));
		case 4:
			return mix(checksum, bytes_get_u32(value));
		case 8:
			return mix(checksum, bytes_get_u64(value));
		case 16:
			return mix(mix(checksum, bytes_get_u64(value)), bytes_get_u64(value + 8));
		default:
			if (size < 8)
				return mix(mix(checksum, bytes_get_u32(value)), bytes_get_u32(value + size - 4));
			for (uint32 i = 0; i + 8 < size; i += 8)
				checksum = mix(checksum, bytes_get_u64(value + i));
			return mix(checksum, bytes_get_u64(value + size - 8));
	}
}

/* The same as below, of a line with values in all columns, and without asking for each what it is. */
static inline void
mix_line(const char *row, uint64 groups[COLUMN_GROUPS])
{
	uint32 channel = sizeof(uint32) + bytes_get_u32(row + sizeof(line_bits));
	const char *at = row + sizeof(line_bits);
	uint64 identity;
	uint64 source;
	uint64 amounts;
	uint32 product;

	source = mix_value(CHECKSUM_START, at, channel);
	at += channel;
	amounts = mix_value(CHECKSUM_START + 1, at, 16);
	amounts = mix_value(amounts + 2, at + 16, 16);
	identity = mix_value(CHECKSUM_START + 3, at + 32, 4);
	identity = mix_value(identity + 4, at + 36, 8);
	identity = mix_value(identity + 5, at + 44, 2);
	at += 46;
	product = sizeof(uint32) + bytes_get_u32(at);
	source = mix_value(source + 6, at, product);
	at += product;
	identity = mix_value(identity + 7, at, 8);
	source = mix_value(source + 8, at + 8, 8);
	groups[GROUP_IDENTITY] = identity;
	groups[GROUP_SOURCE] = source;
	groups[GROUP_AMOUNTS] = amounts;
}

static inline void
mix_columns(const RowForm *form, const char *row, uint32 size, uint64 groups[COLUMN_GROUPS])
{
	uint32 at = form->bitmap_size;

	for (int i = 0; i < COLUMN_GROUPS; i++)
		groups[i] = CHECKSUM_START;
	for (int i = 0; i < form->ncolumns; i++)
	{
		const FormColumn *column = &form->columns[i];
		uint32 value_size;

		if ((row[i / 8] & (0x80 >> (i % 8))) == 0)
			continue;
		value_size = class_sizes[column->value_class];
		if (value_size == 0)
			value_size = sizeof(uint32) + bytes_get_u32(row + at);
		groups[column->group] = mix_value(groups[column->group] + i, row + at, value_size);
		at += value_size;
	}
	Assert(at == size);
}

#ifdef USE_ASSERT_CHECKING
static bool
mixes_the_same(const RowForm *form, const char *row, uint32 size,
			   const uint64 groups[COLUMN_GROUPS])
{
	uint64 others[COLUMN_GROUPS];

	mix_columns(form, row, size, others);
	return memcmp(groups, others, sizeof(others)) == 0;
}
#endif

uint16
form_add_checksums(const RowForm *form, const char *row, uint32 size,
				   uint32 checksums[COLUMN_GROUPS])
{
	uint64 groups[COLUMN_GROUPS];
	uint64 all = CHECKSUM_START;

	if (form->is_line && memcmp(row, line_bits, sizeof(line_bits)) == 0)
	{
		mix_line(row, groups);
		Assert(mixes_the_same(form, row, size, groups));
	}
	else
		mix_columns(form, row, size, groups);
	for (int i = 0; i < COLUMN_GROUPS; i++)
	{
		/* Two rows that change their values differ, too. */
		checksums[i] = (uint32) mix(checksums[i], groups[i]);
		all = mix(all, groups[i]);
	}
	return (uint16) all;
}
