/*
 * expression_check.h
 *		What a template expression may hold: refused is what could run code of a
 *		user's, or give another value another time.
 */
#ifndef LEDGER_EXPRESSION_CHECK_H
#define LEDGER_EXPRESSION_CHECK_H

#include "common/ledger_engine.h"

#include "nodes/primnodes.h"
#include "parser/parse_node.h"
#include "utils/rel.h"

typedef struct CheckContext
{
	const char *text;
	Relation source;
	List *literals; /* A_Const strings of the raw parse tree */
	Node *expr;     /* what passed all checks, before it is planned; NULL: not yet */
	int location;   /* byte offset in the text of what is being looked at */
} CheckContext;

/* Raises LE003 at a byte offset of the text (-1: its beginning). */
#define refuse(text, location, ...)                                          \
	ereport(ERROR, (errcode(ERRCODE_LE_BAD_EXPRESSION), errmsg(__VA_ARGS__), \
					errdetail("Expression: %s", text), expression_position(text, location)))

/* For ereport(): the position, which goes to the client as that of an internal query, for the statement's own text is another. */
extern int expression_position(const char *text, int location);

/* Refuses in the raw parse tree what may not be transformed, and collects the literals. A tree walker. */
extern bool expression_check_raw(Node *node, void *context);

/* Refuses columns of types that an expression may not have; for p_post_columnref_hook, with the context as p_ref_hook_state. */
extern Node *expression_check_column(ParseState *pstate, ColumnRef *cref, Node *var);

/* Refuses in the transformed expression what is not deterministic, exact and built in. A tree walker. */
extern bool expression_check_node(Node *node, void *context);

/* Refuses in the planned expression functions that are called and written in SQL. A tree walker. */
extern bool expression_check_planned(Node *node, void *context);

/*
 * Does to context->expr, node by node, what planning and preparing it does, for an error that did not say where it
 * arose: the same one arises again, or another of the text's, and context->location is then where.
 */
extern void expression_repeat_error(CheckContext *context);

#endif
