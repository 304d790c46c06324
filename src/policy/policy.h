/*
 * policy.h
 *		By which policy: what is approved now, or other rows in the place of some of its
 *		tables.
 *
 * Everything that reads policy reads it here, whoever asks: an expansion, a
 * correction, a preview, a comparison. So what is shown before an approval is made by
 * the code that books afterwards.
 */
#ifndef LEDGER_POLICY_H
#define LEDGER_POLICY_H

#include "common/query.h"

/* NULL stands for the approved rows of every table. */
typedef struct Policy Policy;

/*
 * From names of tables of schema acct (or of _posting_limits()) and the FROM items that stand in for them,
 * by turns, text[]; in the current context. NULL where there are none.
 */
extern const Policy *policy_from_array(Datum array);

/*
 * A query of policy, as query_each_row_kept(): a constant of the program that names tables with
 * their schema and gives each an alias.
 */
extern void
policy_each_row(const Policy *policy, const char *sql, QueryArgs *args, QueryRow row, void *arg);

#endif
