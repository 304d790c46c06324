/*
 * account.c
 *		Resolves the accounts of template lines (see account.h).
 */
#include "policy/account.h"

#include "utils/memutils.h"

typedef struct Account
{
	CodeKey key; /* account_code */
	bool has_fund;
	Code fund;
	bool is_postable;
	DateADT effective_from;
	DateADT effective_to;
} Account;

typedef struct Fund
{
	CodeKey key;
} Fund;

/* One row of product_account_map; rows of one key are a list, best first. */
typedef struct MapRow
{
	int64 map_id;
	bool has_channel;
	Code channel;
	Code account_code;
	Code fund;
	DateADT effective_from;
	DateADT effective_to;
	struct MapRow *next;
} MapRow;

typedef struct MapEntry
{
	CodeKey key; /* product_code, account_code, fund */
	MapRow *first;
	MapRow *last;
} MapEntry;

static void
row_key(TupleTableSlot *slot, int ncodes, CodeKey *key)
{
	key->number = 0;
	key->ncodes = ncodes;
	for (int i = 0; i < ncodes; i++)
		key->codes[i] = query_code(slot, i);
}

static DateADT
row_date(TupleTableSlot *slot, int column)
{
	return DatumGetDateADT(query_value(slot, column, DateADTGetDatum(DATEVAL_NOEND)));
}

static void
add_account(TupleTableSlot *slot, void *arg)
{
	AccountBook *book = arg;
	MemoryContext old = MemoryContextSwitchTo(book->context);
	CodeKey key;
	bool found;
	char *fund = query_text(slot, 1);
	Account *account;

	row_key(slot, 1, &key);
	account = code_map_enter(&book->accounts, &key, &found);
	account->has_fund = fund != NULL;
	if (fund != NULL)
		account->fund = code_from_cstring(fund);
	account->is_postable = DatumGetBool(query_value(slot, 2, 0));
	account->effective_from = row_date(slot, 3);
	account->effective_to = row_date(slot, 4);
	MemoryContextSwitchTo(old);
}

static void
add_fund(TupleTableSlot *slot, void *arg)
{
	AccountBook *book = arg;
	CodeKey key;
	bool found;

	row_key(slot, 1, &key);
	code_map_enter(&book->funds, &key, &found);
}

static void
add_map_row(TupleTableSlot *slot, void *arg)
{
	AccountBook *book = arg;
	MemoryContext old = MemoryContextSwitchTo(book->context);
	CodeKey key;
	bool found;
	char *channel = query_text(slot, 3);
	MapEntry *entry;
	MapRow *row = palloc0_object(MapRow);

	row_key(slot, 3, &key);
	entry = code_map_enter(&book->mapped, &key, &found);
	row->has_channel = channel != NULL;
	if (channel != NULL)
		row->channel = code_from_cstring(channel);
	row->account_code = query_code(slot, 4);
	row->fund = query_code(slot, 5);
	row->effective_from = row_date(slot, 6);
	row->effective_to = row_date(slot, 7);
	row->map_id = DatumGetInt64(query_value(slot, 8, 0));
	if (entry->last == NULL)
		entry->first = row;
	else
		entry->last->next = row;
	entry->last = row;
	MemoryContextSwitchTo(old);
}

AccountBook *
account_load(const Policy *policy)
{
	AccountBook *book = palloc0_object(AccountBook);

	book->context = CurrentMemoryContext;
	code_map_init(&book->accounts, "accounts", sizeof(Account), book->context);
	code_map_init(&book->funds, "funds", sizeof(Fund), book->context);
	code_map_init(&book->mapped, "product account map", sizeof(MapEntry), book->context);
	policy_each_row(
		policy,
		"SELECT a.account_code, a.fund, a.is_postable, a.effective_from, a.effective_to "
		"FROM acct.chart_of_accounts a",
		NULL, add_account, book);
	policy_each_row(policy, "SELECT f.fund FROM acct.fund f", NULL, add_fund, book);
	/* A named channel goes before any, a newer row before an older one. */
	policy_each_row(
		policy,
		"SELECT m.product_code, m.account_code, m.fund, m.channel, m.mapped_account_code, m.mapped_fund, "
		"m.effective_from, m.effective_to, m.map_id FROM acct.product_account_map m "
		"ORDER BY m.channel IS NULL, m.effective_from DESC, m.map_id",
		NULL, add_map_row, book);
	return book;
}

void
account_dates(AccountBook *book, AccountDate callback, void *arg)
{
	HASH_SEQ_STATUS scan;
	Account *account;
	MapEntry *entry;

	hash_seq_init(&scan, book->accounts.table);
	while ((account = hash_seq_search(&scan)) != NULL)
	{
		callback(account->effective_from, arg);
		callback(account->effective_to, arg);
	}
	hash_seq_init(&scan, book->mapped.table);
	while ((entry = hash_seq_search(&scan)) != NULL)
		for (MapRow *row = entry->first; row != NULL; row = row->next)
		{
			callback(row->effective_from, arg);
			callback(row->effective_to, arg);
		}
}

static void
apply_map(AccountBook *book, Code product, Code channel, DateADT date, ResolvedAccount *resolved)
{
	CodeKey key = {0, 3, {product, resolved->account_code, resolved->fund}};
	MapEntry *entry = code_map_find(&book->mapped, &key);

	for (MapRow *row = entry ? entry->first : NULL; row != NULL; row = row->next)
		if ((!row->has_channel || code_equal(row->channel, channel)) &&
			row->effective_from <= date && date < row->effective_to)
		{
			resolved->account_code = row->account_code;
			resolved->fund = row->fund;
			resolved->map_id = row->map_id;
			return;
		}
}

static const char *
find_problem(AccountBook *book, Code account_code, Code fund, DateADT date)
{
	CodeKey fund_key = {0, 1, {fund}};
	CodeKey account_key = {0, 1, {account_code}};
	Account *account = code_map_find(&book->accounts, &account_key);

	if (code_map_find(&book->funds, &fund_key) == NULL)
		return psprintf("fund %s does not exist", fund.data);
	if (account == NULL)
		return psprintf("account %s does not exist", account_code.data);
	if (!account->is_postable)
		return psprintf("account %s is not postable", account_code.data);
	if (date < account->effective_from || date >= account->effective_to)
		return psprintf("account %s is not in effect on the value date", account_code.data);
	if (account->has_fund && !code_equal(account->fund, fund))
		return psprintf("account %s belongs to fund %s, not %s", account_code.data,
						account->fund.data, fund.data);
	return NULL;
}

ResolvedAccount
account_resolve(AccountBook *book, Code product, Code channel, Code account_code, Code fund,
				DateADT date)
{
	ResolvedAccount resolved = {account_code, fund, 0, NULL};

	apply_map(book, product, channel, date, &resolved);
	resolved.problem = find_problem(book, resolved.account_code, resolved.fund, date);
	return resolved;
}
