/*
 * policy_leaf.c
 *		acct._text_leaf(): the data of leaves over texts, those of policy and of the
 *		audit trail (docs/proof-format.md), and acct._part_of_row(): the columns of a
 *		row that such a leaf, or the key of a row, has.
 */
#include "seal/bytes.h"
#include "seal/form.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

LEDGER_FUNCTION(ledger_text_leaf);
LEDGER_FUNCTION(ledger_part_of_row);

/* A value as seals write it: on one line, - for NULL. */
static Code
seal_value(Code value)
{
	StringInfoData line;

	if (value.data == NULL)
		return code_from_cstring("-");
	if (code_equal(value, code_from_cstring("-")))
		return code_from_cstring("\\-");
	initStringInfo(&line);
	for (int i = 0; i < value.len; i++)
		switch (value.data[i])
		{
			case '\\':
				appendStringInfoString(&line, "\\\\");
				break;
			case '\n':
				appendStringInfoString(&line, "\\n");
				break;
			case '\r':
				appendStringInfoString(&line, "\\r");
				break;
			default:
				appendStringInfoCharMacro(&line, value.data[i]);
		}
	return (Code){line.data, line.len};
}

/* Arguments: what the leaf begins with, numbers, texts, and whether these are values as seals write them. */
Datum
ledger_text_leaf(PG_FUNCTION_ARGS)
{
	Code start = code_from_datum(PG_GETARG_DATUM(0));
	bool as_values = PG_GETARG_BOOL(3);
	StringInfoData leaf;
	Datum *numbers;
	Datum *texts;
	bool *nulls;
	int count;

	initStringInfo(&leaf);
	bytes_put(&leaf, start.data, start.len);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &numbers, NULL, &count);
	for (int i = 0; i < count; i++)
		bytes_put_u64(&leaf, (uint64) DatumGetInt64(numbers[i]));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		Code text = nulls[i] ? code_null() : code_from_datum(texts[i]);

		if (as_values)
			text = seal_value(text);
		else if (nulls[i])
			PG_RETURN_NULL();
		text = form_code(text);
		bytes_put_u32(&leaf, text.len);
		bytes_put(&leaf, text.data, text.len);
	}
	PG_RETURN_DATUM(bytes_to_datum(leaf.data, leaf.len));
}

/* Arguments: the names of columns, and a row as JSON. NULL where it has none of them. */
Datum
ledger_part_of_row(PG_FUNCTION_ARGS)
{
	Jsonb *row;
	JsonbParseState *state = NULL;
	JsonbValue *part;
	Datum *names;
	bool *nulls;
	int count;
	int found = 0;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	row = PG_GETARG_JSONB_P(1);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls,
					  &count);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < count && JB_ROOT_IS_OBJECT(row); i++)
	{
		JsonbValue key = {.type = jbvString};
		JsonbValue *value;
		Code name;

		if (nulls[i])
			continue;
		name = code_from_datum(names[i]);
		value = getKeyJsonValueFromContainer(&row->root, name.data, name.len, NULL);
		if (value == NULL)
			continue;
		key.val.string.val = (char *) name.data;
		key.val.string.len = name.len;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, value);
		found++;
	}
	part = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	if (found == 0)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(JsonbValueToJsonb(part));
}
