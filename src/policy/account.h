/*
 * account.h
 *		Chart of accounts, funds and product_account_map, read once a run.
 */
#ifndef LEDGER_ACCOUNT_H
#define LEDGER_ACCOUNT_H

#include "common/code_map.h"
#include "common/ledger_engine.h"
#include "policy/policy.h"

#include "utils/date.h"

typedef struct AccountBook
{
	MemoryContext context;
	CodeMap accounts;
	CodeMap funds;
	CodeMap mapped;
} AccountBook;

typedef struct ResolvedAccount
{
	Code account_code;
	Code fund;
	int64 map_id;        /* of the row of the map that led there; 0: none did */
	const char *problem; /* NULL: may be posted to; else a message */
} ResolvedAccount;

/* Called with each date from which on accounts or maps differ. */
typedef void (*AccountDate)(DateADT date, void *arg);

/* Reads them into the current memory context. Needs query_open(). */
extern AccountBook *account_load(const Policy *policy);
extern void account_dates(AccountBook *book, AccountDate callback, void *arg);

/* Where a template line's account and fund lead for a product and channel on a date. */
extern ResolvedAccount account_resolve(AccountBook *book, Code product, Code channel,
									   Code account_code, Code fund, DateADT date);

#endif
