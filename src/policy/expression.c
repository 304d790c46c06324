/*
 * expression.c
 *		Compiles template expressions (see expression.h).
 *
 * The path is that of the server's own row filters and column defaults: parse,
 * check the shape, transform against the source relation, walk the result with
 * a list of what is allowed, coerce, plan, initialise.
 *
 *	:name		is the column name. The server's scanner finds the tokens, so a
 *				colon in a string, a cast, a slice or a comment is left alone; the
 *				colon becomes a space, so positions in error messages stay true.
 *	the rest	is checked three times: raw, transformed, planned
 *				(expression_check.h).
 *	errors		of the server's become refusals, each with a position: its own,
 *				or where it arises when the work is done again, node by node.
 */
#include "policy/expression.h"

#include "common/settings_scope.h"
#include "policy/evaluation.h"
#include "policy/expression_check.h"
#include "policy/expression_fold.h"
#include "policy/fixed_point_compile.h"

#include "access/relation.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"

/* The texts of finance are short; a limit keeps the parser's cost in bounds. */
#define MAX_EXPRESSION_LENGTH 8192

/* Tokens of the core scanner, by the numbers that gram.y promises to every grammar that uses it. */
enum
{
	TOKEN_IDENT = 258,
	TOKEN_UIDENT,
	TOKEN_FCONST,
	TOKEN_SCONST,
	TOKEN_USCONST,
	TOKEN_BCONST,
	TOKEN_XCONST,
	TOKEN_OP,
	TOKEN_ICONST,
	TOKEN_PARAM,
	TOKEN_TYPECAST
};

/*
 * Names after a colon: the colon before an identifier becomes a space, unless
 * something before it makes it the colon of a slice, as the bracket of a
 * subscript does, or it is one too many after a cast's.
 */
static char *
resolve_colons(CheckContext *context)
{
	const char *text = context->text;
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	char *result = pstrdup(text);
	int before = 0;               /* the token before the last */
	bool before_is_array = false; /* it is the word ARRAY */
	bool in_constructor = false;  /* the last bracket opened elements, no subscript */
	int colon_at = -1;            /* where the last token was a colon that may begin a name */
	int token;

	scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	while ((token = core_yylex(&value, &context->location, scanner)) != 0)
	{
		int location = context->location;

		if (colon_at >= 0 && location == colon_at + 1 && token != TOKEN_ICONST &&
			token != TOKEN_FCONST &&
			(IS_HIGHBIT_SET(text[location]) || text[location] == '_' || text[location] == '"' ||
			 isalpha((unsigned char) text[location])))
			result[colon_at] = ' ';
		colon_at = -1;
		if (token == ':')
		{
			bool is_no_name =
				before == TOKEN_TYPECAST || before == ')' || before == ']' ||
				(before == '[' && !in_constructor) ||
				(before >= TOKEN_IDENT && before <= TOKEN_PARAM && before != TOKEN_OP);

			if (!is_no_name)
				colon_at = location;
		}
		else if (token == '[')
			in_constructor = before_is_array || before == '[' || before == ',';
		before = token;
		before_is_array =
			token > TOKEN_TYPECAST && pg_strncasecmp(text + location, "array", 5) == 0;
	}
	scanner_finish(scanner);
	context->location = 0;
	return result;
}

/* Refuses what stands beside the first expression, and no expression at all. */
static void
check_single(const char *text, SelectStmt *select)
{
	Node *others[] = {(Node *) select->distinctClause,
					  (Node *) select->intoClause,
					  (Node *) select->fromClause,
					  select->whereClause,
					  (Node *) select->groupClause,
					  select->havingClause,
					  (Node *) select->windowClause,
					  (Node *) select->valuesLists,
					  (Node *) select->sortClause,
					  select->limitOffset,
					  select->limitCount,
					  (Node *) select->lockingClause,
					  (Node *) select->withClause,
					  (Node *) select->larg};

	if (list_length(select->targetList) > 1)
		ereport(ERROR, (errcode(ERRCODE_LE_BAD_EXPRESSION), errmsg("not a single expression"),
						errdetail("Expression: %s", text),
						errhint("A number has a decimal point and no comma, such as 0.05."),
						expression_position(text, exprLocation(lsecond(select->targetList)))));
	for (int i = 0; i < lengthof(others); i++)
		if (others[i] != NULL)
			refuse(text, exprLocation(others[i]), "not a single expression");
	if (select->targetList == NIL)
		refuse(text, 0, "not a single expression");
}

/* The one expression that the text is, or LE003. */
static Node *
parse_text(const char *text)
{
	List *statements = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, statements)->stmt);
	ResTarget *target;

	check_single(text, select);
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL || target->indirection != NIL)
		refuse(text, target->location, "an expression has no alias");
	if (IsA(target->val, ColumnRef) && IsA(llast(((ColumnRef *) target->val)->fields), A_Star))
		refuse(text, target->location, "a whole row may not be used in a template expression");
	return target->val;
}

static Node *
coerce_result(ParseState *pstate, Node *expr, ExpressionKind kind, const char *text)
{
	Oid wanted = kind == EXPRESSION_AMOUNT ? NUMERICOID : BOOLOID;
	Oid type = exprType(expr);
	Node *coerced;

	coerced =
		coerce_to_target_type(pstate, expr, type, wanted, -1,
							  kind == EXPRESSION_AMOUNT ? COERCION_ASSIGNMENT : COERCION_IMPLICIT,
							  COERCE_IMPLICIT_CAST, -1);
	if (coerced == NULL)
		refuse(text, exprLocation(expr), "%s must be %s, not %s",
			   kind == EXPRESSION_AMOUNT ? "an amount" : "a condition", format_type_be(wanted),
			   format_type_be(type));
	return coerced;
}

static void
parse_and_check(CheckContext *context, ExpressionKind kind)
{
	ParseState *pstate = make_parsestate(NULL);
	char *resolved;
	Node *raw;
	Node *expr;

	resolved = resolve_colons(context);
	raw = parse_text(resolved);
	expression_check_raw(raw, context);

	pstate->p_sourcetext = resolved;
	pstate->p_post_columnref_hook = expression_check_column;
	pstate->p_ref_hook_state = context;
	addNSItemToQuery(
		pstate,
		addRangeTableEntryForRelation(pstate, context->source, AccessShareLock, NULL, false, true),
		false, true, true);
	context->location = Max(exprLocation(raw), 0);
	expr = transformExpr(pstate, raw, EXPR_KIND_OTHER);

	/* Before coercion, for the position of what is wrong; after it, for the cast's own function. */
	expression_check_node(expr, context);
	expr = coerce_result(pstate, expr, kind, context->text);
	expression_check_node(expr, context);
	assign_expr_collations(pstate, expr);
	free_parsestate(pstate);
	context->expr = expr;
}

/*
 * The byte offset of an error that came without a position: where the parser
 * was, or where it arises again. The best that can be had: of an error in a part
 * that is never reached and one in a part that is, the first.
 */
static int
location_of_error(CheckContext *context)
{
	MemoryContext memory = CurrentMemoryContext;

	if (context->expr == NULL)
		return context->location;
	context->location = Max(exprLocation(context->expr), 0);
	PG_TRY();
	{
		expression_repeat_error(context);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		if (!evaluation_is_to_blame(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return context->location;
}

/*
 * What to write instead, where a formula of a spreadsheet is the likely cause of
 * the server's error; else the server's own hint, or NULL. The position counts
 * characters from 1; 0: unknown.
 */
static const char *
hint_for_error(const char *text, const ErrorData *error, int position)
{
	const char *at = position > 0 ? text + pg_mbcharcliplen(text, strlen(text), position - 1) : "";

	switch (error->sqlerrcode)
	{
		case ERRCODE_UNDEFINED_COLUMN:
			if (*at == '"')
				return "A text stands in single quotes.";
			break;
		case ERRCODE_UNDEFINED_FUNCTION:
			if (strncmp(at, "==", 2) == 0)
				return "Compare by =.";
			if (pg_strncasecmp(at, "if", 2) == 0 || pg_strncasecmp(at, "iif", 3) == 0)
				return "Write CASE WHEN condition THEN amount ELSE other_amount END.";
			break;
		case ERRCODE_SYNTAX_ERROR:
			if (strchr(text, '%') != NULL)
				return "Write 5 % as 0.05.";
			if (*at == '=')
				return "An expression begins with a value, without =.";
			break;
	}
	return error->hint;
}

/* What the server says of an expression, said as LE003 with the position in its text. */
static void
rethrow_as_refusal(MemoryContext memory, CheckContext *context)
{
	const char *text = context->text;
	ErrorData *error;
	const char *hint;
	int position;
	int location = 0;

	MemoryContextSwitchTo(memory);
	error = CopyErrorData();
	if (error->sqlerrcode == ERRCODE_LE_BAD_EXPRESSION ||
		!evaluation_is_to_blame(error->sqlerrcode))
		PG_RE_THROW();
	FlushErrorState();
	position = error->cursorpos > 0 ? error->cursorpos : error->internalpos;
	if (position <= 0)
		location = location_of_error(context);
	hint = hint_for_error(text, error, position);
	ereport(ERROR, (errcode(ERRCODE_LE_BAD_EXPRESSION), errmsg("%s", error->message),
					errdetail("Expression: %s", text), hint ? errhint("%s", hint) : 0,
					position > 0 ? (internalerrquery(text), internalerrposition(position))
								 : expression_position(text, location)));
}

/* The client is sent the text up to the first character that is too much, where the position is. */
static void
check_length(const char *text)
{
	int length = strlen(text);
	int fits;

	if (length <= MAX_EXPRESSION_LENGTH)
		return;
	fits = pg_mbcliplen(text, length, MAX_EXPRESSION_LENGTH);
	ereport(ERROR, (errcode(ERRCODE_LE_BAD_EXPRESSION),
					errmsg("expression is longer than %d bytes", MAX_EXPRESSION_LENGTH),
					expression_position(pnstrdup(text, fits + pg_mblen(text + fits)), fits)));
}

static char *
deparse(Node *expr, Relation source)
{
	List *names = deparse_context_for(RelationGetRelationName(source), RelationGetRelid(source));

	return deparse_expression(expr, names, false, false);
}

/*
 * Makes a text ready, in the current memory context; with "understood", also
 * the text that the server would write for it, with "planned" the tree. All of
 * it here, so that what fails at any stage, for want of a right or for its
 * depth, is refused.
 */
static void
compile_text(const char *text, ExpressionKind kind, Relation source, Expression *expression,
			 char **understood, Node **planned)
{
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext parsing;
	CheckContext *context;

	check_length(text);
	parsing = AllocSetContextCreate(memory, "template expression", ALLOCSET_DEFAULT_SIZES);
	context = MemoryContextAllocZero(parsing, sizeof(CheckContext));
	context->text = text;
	context->source = source;
	PG_TRY();
	{
		Node *expr;

		MemoryContextSwitchTo(parsing);
		parse_and_check(context, kind);
		/* An error in a constant part shows here: first of those that are too large, which planning would compute. */
		expr = expression_fold(context);
		expr = (Node *) expression_planner((Expr *) expr);
		expression_check_planned(expr, context);
		expression->fixed = fixed_point_compile(expr, memory);
		MemoryContextSwitchTo(memory);

		if (understood != NULL)
			*understood = deparse(expr, source);
		if (planned != NULL)
			*planned = copyObject(expr);
		if (IsA(expr, Var))
			expression->column = ((Var *) expr)->varattno;
		else
		{
			expression->state = ExecInitExpr((Expr *) copyObject(expr), NULL);
			evaluation_limit(expression->state);
		}
	}
	PG_CATCH();
	{
		rethrow_as_refusal(memory, context);
	}
	PG_END_TRY();
	MemoryContextDelete(parsing);
}

Expression *
expression_compile(const char *text, ExpressionKind kind, Relation source)
{
	Expression *expression = palloc0_object(Expression);

	compile_text(text, kind, source, expression, NULL, NULL);
	return expression;
}

Node *
expression_plan(const char *text, ExpressionKind kind, Relation source)
{
	Expression expression = {0};
	Node *planned = NULL;

	compile_text(text, kind, source, &expression, NULL, &planned);
	return planned;
}

LEDGER_FUNCTION(ledger_check_expression);

Datum
ledger_check_expression(PG_FUNCTION_ARGS)
{
	char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation source;
	Expression expression = {0};
	char *understood = NULL;
	int scope;

	if (strcmp(kind, "amount") != 0 && strcmp(kind, "condition") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown kind of expression: %s", kind),
						errhint("It is amount or condition.")));

	source = relation_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	scope = settings_scope_open_pinned();
	compile_text(sql, kind[0] == 'a' ? EXPRESSION_AMOUNT : EXPRESSION_CONDITION, source,
				 &expression, &understood, NULL);
	settings_scope_close(scope);
	relation_close(source, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text(understood));
}
