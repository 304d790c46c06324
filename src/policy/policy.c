/*
 * policy.c
 *		Queries of policy, by which rows it is read (see policy.h).
 */
#include "policy/policy.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define SCHEMA "acct."

typedef struct StandIn
{
	char *name; /* with its schema */
	char *item;
} StandIn;

struct Policy
{
	int count;
	StandIn *items;
};

const Policy *
policy_from_array(Datum array)
{
	Policy *policy = palloc0_object(Policy);
	Datum *texts;
	int count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL,
					  &count);
	if (count == 0)
		return NULL;
	if (count % 2 != 0)
		elog(ERROR, "a policy is given by names and FROM items");
	policy->items = palloc_array(StandIn, count / 2);
	for (int i = 0; i < count; i += 2)
	{
		StandIn *item = &policy->items[policy->count++];

		item->name = psprintf(SCHEMA "%s", TextDatumGetCString(texts[i]));
		item->item = TextDatumGetCString(texts[i + 1]);
	}
	return policy;
}

static bool
is_name_character(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* What stands in for the table that is named here; NULL: it is read itself. */
static const StandIn *
find_stand_in(const Policy *policy, const char *sql)
{
	for (int i = 0; i < policy->count; i++)
	{
		size_t len = strlen(policy->items[i].name);

		if (strncmp(sql, policy->items[i].name, len) == 0 && !is_name_character(sql[len]))
			return &policy->items[i];
	}
	return NULL;
}

/* The query with what stands in for tables in their place. */
static char *
put_in(const Policy *policy, const char *sql)
{
	StringInfoData text;

	initStringInfo(&text);
	while (*sql != '\0')
	{
		const StandIn *item = find_stand_in(policy, sql);

		if (item == NULL)
			appendStringInfoChar(&text, *sql++);
		else
		{
			appendStringInfoString(&text, item->item);
			sql += strlen(item->name);
		}
	}
	return text.data;
}

void
policy_each_row(const Policy *policy, const char *sql, QueryArgs *args, QueryRow row, void *arg)
{
	char *text;

	if (policy == NULL)
	{
		query_each_row_kept(sql, args, row, arg);
		return;
	}
	text = put_in(policy, sql);
	query_each_row(text, args, row, arg);
	pfree(text);
}
