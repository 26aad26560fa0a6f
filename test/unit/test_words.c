/* Sentences: nothing is without words in any language, and what is said is right. */
#include "base/base.h"
#include "core/program.h"
#include "words/words_internal.h"

#include <setjmp.h>
#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_open(&arena, 512 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static const struct json *json_of(struct str text)
{
    const struct json *json = NULL;
    struct fail f = {.arena = &arena};
    if (json_read(&arena, text, &f, &json) != ERR_OK) {
        fail_msg("%.*s: %s", STR_ARG(text), f.items[0].detail.p);
    }
    return json;
}

static const struct zone *find_zone(void *self, struct arena *memory, struct str name)
{
    (void)self;
    struct zone *zone = arena_new(memory, struct zone, 1);
    return zone_load(memory, name, zone) ? zone : NULL;
}

static const struct program *program_of(const char *text)
{
    const struct zone_finder zones = {.find = find_zone};
    struct symbols symbols;
    struct fail f = {.arena = &arena};
    const struct program *program = NULL;
    symbols_open(&symbols, &arena);
    if (program_compile(&arena, json_of(str_c(text)), &symbols, &zones, &f, &program) != ERR_OK) {
        fail_msg("%s: %s", f.items[0].pointer.p, f.items[0].detail.p);
    }
    return program;
}

static const char HEAD[] =
    "\"format\":\"loyald.program/1\",\"name\":\"Test\",\"currency\":\"EUR\",\"timezone\":\"Europe/"
    "Amsterdam\",\"languages\":[\"en\",\"pl\"],"
    "\"stores\":[{\"slug\":\"ams-1\",\"name\":\"Amsterdam Centraal\"}],"
    "\"wallets\":[{\"slug\":\"points\",\"unit\":{\"en\":{\"one\":\"point\",\"other\":\"points\"},"
    "\"es\":{\"one\":\"punto\",\"other\":\"puntos\"},"
    "\"nl\":{\"one\":\"punt\",\"other\":\"punten\"},\"id\":{\"other\":\"poin\"},"
    "\"pl\":{\"one\":\"punkt\",\"few\":\"punkty\",\"many\":\"punktów\",\"other\":\"punktu\"}}},{"
    "\"slug\":\"miles\"}],"
    "\"segments\":[{\"slug\":\"regulars\",\"name\":{\"en\":\"Regulars\",\"es\":\"Habituales\","
    "\"nl\":\"Vaste klanten\",\"pl\":\"Stali klienci\"},"
    "\"when\":{\">=\":[{\"var\":\"member.stats.purchases_90d\"},4]}}],"
    "\"sets\":{\"hot\":[\"coffee\",\"tea\"]},\"tables\":{\"fares\":{\"keys\":[\"fare\"],\"rows\":[["
    "\"Y\",20]]}},"
    "\"attributes\":[{\"name\":\"vip\",\"type\":\"boolean\",\"segment\":true}]";

static struct words *words_of(const char *rules, enum words_language language)
{
    const struct str text = str_fmt(&arena, "{%s%s%s}", HEAD, rules[0] ? "," : "", rules);
    struct words *words = words_open(&arena, program_of(text.p), words_tag(language));
    assert_non_null(words);
    return words;
}

/* ---- nothing is missing ---- */

static const char *const PHRASE_NAMES[] = {
#define PHRASE(id) #id,
#include "words/phrases.def"
#undef PHRASE
#define VARIABLE(path, phrase, number, kind) #phrase,
#include "words/variables.def"
#undef VARIABLE
};

static uint32_t places_of(struct str text)
{
    uint32_t places = 0;
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.p[i] == '{' && text.p[i + 1] >= '0' && text.p[i + 1] <= '5') {
            places |= 1u << (text.p[i + 1] - '0');
        }
    }
    return places;
}

/* Phrases whose placeholders may differ: one that is not said in a language. */
static bool may_differ(enum phrase id)
{
    return id >= P_T_PURCHASE && id <= P_T_CODE;
}

static void every_language_has_every_phrase(void **state)
{
    (void)state;
    struct words *english = words_of("", WORDS_EN);
    for (int language = 0; language < WORDS_LANGUAGES_N; language++) {
        struct words *w = words_of("", (enum words_language)language);
        for (int id = 0; id < PHRASES_N; id++) {
            const struct str text = phrase_form(w, (enum phrase)id, false);
            const struct str second = phrase_form(w, (enum phrase)id, true);
            if (text.n == 0 || second.n == 0) {
                fail_msg("%s has no %s", words_tag((enum words_language)language).p,
                         PHRASE_NAMES[id]);
            }
            const uint32_t wanted = places_of(phrase_form(english, (enum phrase)id, false));
            if (!may_differ((enum phrase)id) &&
                (places_of(text) != wanted || places_of(second) != wanted)) {
                fail_msg("%s puts other things into %s", words_tag((enum words_language)language).p,
                         PHRASE_NAMES[id]);
            }
        }
        words_close(w);
    }
    words_close(english);
}

static bool is_named(struct words *w, struct str path)
{
    const struct str json = str_fmt(&arena, "{\"var\":\"%.*s\"}", STR_ARG(path));
    const struct str field = phrase_form(w, P_N_FIELD, false);
    const struct str text = expression_noun(w, json_of(json), NULL).text;
    const struct str other =
        str_fmt(&arena, "%.*s", (int)str_find(field, '{', 0), field.p); // "the value of "
    return text.n > 0 && !str_starts(text, other);
}

static void every_variable_has_a_name(void **state)
{
    (void)state;
    static const char *const FIELDS[] = {
#define FIELD(type, field, value) field,
#include "core/event_fields.def"
#undef FIELD
    };
    struct words *w = words_of("", WORDS_EN);
    for (size_t i = 0; program_fixed_variable(i).n > 0; i++) {
        if (!is_named(w, program_fixed_variable(i))) {
            fail_msg("variables.def lacks %s", program_fixed_variable(i).p);
        }
    }
    for (size_t i = 0; i < ARRAY_N(FIELDS); i++) {
        if (!is_named(w, str_fmt(&arena, "event.%s", FIELDS[i]))) {
            fail_msg("variables.def lacks event.%s", FIELDS[i]);
        }
    }
    assert_true(is_named(w, STR("member.stats.spend_30d")));
    assert_false(is_named(w, STR("event.colour")));
    words_close(w);
}

static void every_trigger_has_a_name(void **state)
{
    (void)state;
    static const char *const TYPES[] = {
#define KIND(name, number, type, class, is_public) type,
#include "core/event_kinds.def"
#undef KIND
        "tier.changed", "achievement.completed", "reward.issued", "quiz.scored", "quiz.passed"};
    size_t triggers_n = 0;
    for (size_t i = 0; i < ARRAY_N(TYPES); i++) {
        if (!program_is_trigger(program_of(str_fmt(&arena, "{%s}", HEAD).p), str_c(TYPES[i]))) {
            continue;
        }
        const bool is_silence = strcmp(TYPES[i], "inactive") == 0;
        const struct str trigger = is_silence ? STR("{\"type\":\"inactive\",\"days\":60}")
                                              : str_fmt(&arena, "\"%s\"", TYPES[i]);
        const struct str rules =
            str_fmt(&arena,
                    "\"earning_rules\":[{\"slug\":\"x\",\"trigger\":%.*s,\"effects\":[{\"kind\":"
                    "\"earn\",\"wallet\":\"points\",\"points\":1}]}]",
                    STR_ARG(trigger));
        struct words *w = words_of(rules.p, WORDS_EN);
        const struct str said = words_rule(w, 0);
        if (memmem(said.p, said.n, "event of the type", 17) != NULL) {
            fail_msg("words_rule.c lacks %s", TYPES[i]);
        }
        triggers_n++;
        words_close(w);
    }
    assert_true(triggers_n > 10);
}

static void silences_and_birthdays_are_said_in_five_languages(void **state)
{
    (void)state;
    static const struct {
        enum words_language language;
        const char *silence, *birthday, *month;
    } SAID[] = {
        {WORDS_EN, "After 60 days without activity, ", "On the birthday, ",
         "For each month that a subscription is kept, if the number of months kept is 12 or "
         "more, "},
        {WORDS_ES, "Tras 60 días sin actividad, ", "Por el cumpleaños, ",
         "Por cada mes que se mantiene una suscripción, si el número de meses mantenidos es de 12 "
         "o más, "},
        {WORDS_NL, "Na 60 dagen zonder activiteit ", "Op de verjaardag ",
         "Voor elke maand dat een abonnement loopt, waarbij geldt dat het aantal volle maanden 12 "
         "of meer is, "},
        {WORDS_ID, "Setelah 60 hari tanpa aktivitas, ", "Pada hari ulang tahun, ",
         "Untuk setiap bulan langganan dipertahankan, "},
        {WORDS_PL, "W razie braku aktywności (60 dni) ", "W dniu urodzin ",
         "Za każdy miesiąc utrzymania subskrypcji, jeśli liczba utrzymanych miesięcy wynosi co "
         "najmniej 12, "},
    };
    for (size_t i = 0; i < ARRAY_N(SAID); i++) {
        struct words *w =
            words_of("\"earning_rules\":["
                     "{\"slug\":\"a\",\"trigger\":{\"type\":\"inactive\",\"days\":60},\"effects\":["
                     "{\"kind\":\"earn\",\"wallet\":\"points\",\"points\":1}]},"
                     "{\"slug\":\"b\",\"trigger\":\"birthday\",\"effects\":[{\"kind\":\"earn\","
                     "\"wallet\":\"points\",\"points\":1}]},"
                     "{\"slug\":\"c\",\"trigger\":\"subscription.month_kept\",\"when\":{\">=\":[{"
                     "\"var\":\"subscription.months_kept\"},12]},\"effects\":[{\"kind\":\"earn\","
                     "\"wallet\":\"points\",\"points\":1}]}]",
                     SAID[i].language);
        const struct str silence = words_rule(w, 0);
        const struct str birthday = words_rule(w, 1);
        const struct str month = words_rule(w, 2);
        if (!str_starts(silence, str_c(SAID[i].silence)) ||
            !str_starts(birthday, str_c(SAID[i].birthday)) ||
            !str_starts(month, str_c(SAID[i].month))) {
            fail_msg("said: %.*s %.*s %.*s", STR_ARG(silence), STR_ARG(birthday), STR_ARG(month));
        }
        words_close(w);
    }
}

/* One use of each operator, in the order of rule.def. */
static const char *const USES[] = {
    "{\"if\":[{\"var\":\"member.attributes.vip\"},{\">\":[{\"var\":\"event.amount\"},100]},{\"<\":["
    "{\"var\":\"event.amount\"},5]}]}",
    "{\"?:\":[{\"var\":\"member.attributes.vip\"},true,{\"==\":[{\"var\":\"event.store\"},\"ams-"
    "1\"]}]}",
    "{\"and\":[{\"==\":[{\"var\":\"event.channel\"},\"web\"]},{\"or\":[{\"<\":[{\"var\":\"member."
    "age\"},30]},{\">\":[{\"var\":\"member.age\"},60]}]}]}",
    "{\"or\":[{\"==\":[{\"var\":\"event.channel\"},\"web\"]},{\"<\":[{\"var\":\"member.age\"},30]}]"
    "}",
    "{\"!\":{\"in\":[\"coffee\",{\"var\":\"event.categories\"}]}}",
    "{\"!!\":{\"var\":\"member.city\"}}",
    "{\"==\":[{\"var\":\"event.local.weekday\"},\"sat\"]}",
    "{\"!=\":[{\"var\":\"member.tier.main\"},\"gold\"]}",
    "{\"===\":[{\"var\":\"event.quantity\"},3]}",
    "{\"!==\":[{\"var\":\"event.currency\"},\"EUR\"]}",
    "{\"<\":[1,{\"var\":\"event.quantity\"},5]}",
    "{\"<=\":[1000,{\"var\":\"event.amount\"},5000]}",
    "{\">\":[{\"var\":\"event.local.date\"},\"2026-11-21\"]}",
    "{\">=\":[{\"var\":\"member.stats.purchases_90d\"},4]}",
    "{\"in\":[{\"var\":\"event.store\"},[\"ams-1\",\"utr-1\"]]}",
    "{\">\":[{\"+\":[{\"var\":\"event.amount\"},100]},1000]}",
    "{\">\":[{\"-\":[{\"var\":\"line.amount\"},{\"var\":\"line.tax\"}]},1000]}",
    "{\">\":[{\"*\":[{\"var\":\"event.quantity\"},2]},10]}",
    "{\">\":[{\"/\":[{\"var\":\"event.amount\"},{\"var\":\"event.quantity\"}]},10]}",
    "{\"==\":[{\"%\":[{\"var\":\"event.quantity\"},2]},0]}",
    "{\">\":[{\"min\":[{\"var\":\"event.amount\"},{\"var\":\"member.stats.spend\"}]},10]}",
    "{\">\":[{\"max\":[{\"var\":\"event.quantity\"},3]},10]}",
    "{\"==\":[{\"cat\":[{\"var\":\"member.city\"},\"!\"]},\"Delft!\"]}",
    "{\"==\":[{\"substr\":[{\"var\":\"line.sku\"},0,3]},\"ABC\"]}",
    "{\"in\":[\"tea\",{\"merge\":[{\"var\":\"event.categories\"},{\"var\":\"event.skus\"}]}]}",
    "{\"some\":[{\"var\":\"event.lines\"},{\">\":[{\"var\":\"quantity\"},2]}]}",
    "{\"all\":[{\"var\":\"event.lines\"},{\"==\":[{\"var\":\"category\"},\"tea\"]}]}",
    "{\"none\":[{\"var\":\"event.categories\"},{\"==\":[{\"var\":\"\"},\"tea\"]}]}",
    "{\"some\":[{\"filter\":[{\"var\":\"event.lines\"},{\">\":[{\"var\":\"quantity\"},2]}]},{\"=="
    "\":[{\"var\":\"sku\"},\"A\"]}]}",
    "{\"in\":[1,{\"map\":[{\"var\":\"event.lines\"},{\"var\":\"quantity\"}]}]}",
    "{\">\":[{\"reduce\":[{\"var\":\"event.lines\"},{\"+\":[{\"var\":\"current.quantity\"},{"
    "\"var\":\"accumulator\"}]},0]},3]}",
    "{\"log\":{\"==\":[{\"var\":\"event.channel\"},\"web\"]}}",
    "{\"var\":\"member.city\"}",
    "{\"missing\":[\"member.city\",\"member.age\"]}",
    "{\"missing_some\":[1,[\"member.city\",\"member.age\"]]}",
    "{\"in\":[{\"var\":\"line.category\"},{\"set\":\"hot\"}]}",
    "{\"in_set\":[{\"var\":\"line.category\"},\"hot\"]}",
    "{\"any_in\":[{\"var\":\"event.categories\"},\"hot\"]}",
    "{\"all_in\":[{\"var\":\"event.categories\"},\"hot\"]}",
    "{\"none_in\":[{\"var\":\"event.categories\"},\"hot\"]}",
    "{\">\":[{\"count_in\":[{\"var\":\"event.categories\"},\"hot\"]},1]}",
    "{\"in\":[\"tea\",{\"intersect\":[{\"var\":\"event.categories\"},\"hot\"]}]}",
    "{\">\":[{\"table\":[\"fares\",{\"var\":\"event.attributes.fare\"}]},10]}",
    "{\">=\":[{\"var\":\"event.amount\"},{\"money\":[\"12.50\",\"EUR\"]}]}",
    "{\"<\":[{\"days_between\":[{\"var\":\"event.local.date\"},\"2026-12-24\"]},10]}",
    "{\">\":[{\"months_between\":[{\"var\":\"event.check_in\"},{\"var\":\"event.check_out\"}]},1]}",
    "{\"before\":[{\"var\":\"event.local.date\"},{\"date_add\":[{\"var\":\"event.check_in\"},{"
    "\"months\":3,\"days\":1}]}]}",
    "{\"==\":[{\"year\":{\"var\":\"event.time\"}},2026]}",
    "{\"==\":[{\"month\":{\"var\":\"event.local.date\"}},12]}",
    "{\"==\":[{\"day\":{\"var\":\"event.local.date\"}},1]}",
    "{\"==\":[{\"weekday\":{\"var\":\"event.local.date\"}},\"mon\"]}",
    "{\"before\":[{\"var\":\"event.local.date\"},\"2026-12-24\"]}",
    "{\"after\":[{\"var\":\"event.time\"},\"2026-12-24T10:00:00Z\"]}",
    "{\"between\":[{\"var\":\"event.local.date\"},\"2026-12-24\",\"2026-12-26\"]}",
    "{\"starts_with\":[{\"var\":\"line.sku\"},\"A\"]}",
    "{\"ends_with\":[{\"var\":\"line.sku\"},\"A\"]}",
    "{\"contains\":[{\"var\":\"line.name\"},\"big latte\"]}",
    "{\"==\":[{\"lower\":{\"var\":\"member.city\"}},\"delft\"]}",
    "{\">\":[{\"round\":{\"var\":\"event.quantity\"}},1]}",
    "{\">\":[{\"floor\":{\"var\":\"event.quantity\"}},1]}",
    "{\">\":[{\"ceil\":{\"var\":\"event.quantity\"}},1]}",
    "{\">\":[{\"abs\":{\"var\":\"event.quantity\"}},1]}",
};
_Static_assert(ARRAY_N(USES) == W_OPS_N, "one use of each operator");

static void every_operator_is_said_in_every_language(void **state)
{
    (void)state;
    for (int language = 0; language < WORDS_LANGUAGES_N; language++) {
        struct words *w = words_of("", (enum words_language)language);
        for (size_t i = 0; i < ARRAY_N(USES); i++) {
            const struct json *condition = json_of(str_c(USES[i]));
            const struct str said = clause_of(w, condition, false);
            const struct str opposite = clause_of(w, condition, true);
            if (getenv("SHOW_WORDS") != NULL) {
                print_message("%s: %.*s // %.*s\n", words_tag((enum words_language)language).p,
                              STR_ARG(said), STR_ARG(opposite));
            }
            const bool is_said = said.n > 3 && opposite.n > 3 && !str_eq(said, opposite) &&
                                 memmem(said.p, said.n, "…", 3) == NULL &&
                                 memchr(said.p, '{', said.n) == NULL && str_is_utf8(said);
            if (!is_said) {
                fail_msg("%s: %s is said \"%.*s\" and \"%.*s\"",
                         words_tag((enum words_language)language).p, USES[i], STR_ARG(said),
                         STR_ARG(opposite));
            }
        }
        words_close(w);
    }
}

/* ---- what is said ---- */

static void says(const char *rule, enum words_language language, const char *wanted)
{
    const struct str rules = str_fmt(&arena,
                                     "\"earning_rules\":["
                                     "{\"slug\":\"base\",\"trigger\":\"purchase\",\"priority\":-9,"
                                     "\"effects\":[{\"kind\":\"earn\",\"wallet\":"
                                     "\"points\",\"points\":1,\"per_amount\":100}]},%s]",
                                     rule);
    struct words *w = words_of(rules.p, language);
    const struct str said = words_rule(w, 0);
    if (!str_eq(said, str_c(wanted))) {
        fail_msg("said:   %.*s\nwanted: %s", STR_ARG(said), wanted);
    }
    words_close(w);
}

static const char COFFEE[] =
    "{\"slug\":\"x\",\"trigger\":\"purchase\",\"when\":{\"and\":[{\">=\":[{\"var\":\"event."
    "amount\"},1000]},{\"in\":[\"coffee\",{\"var\":"
    "\"event.categories\"}]}]},\"effects\":[{\"kind\":\"multiply\",\"wallet\":\"points\",\"by\":"
    "\"2\"}],\"window\":{\"days\":[\"sat\",\"sun\"],"
    "\"hours\":[\"08:00\",\"12:00\"]},\"audience\":\"regulars\",\"caps\":[{\"per\":\"member\","
    "\"period\":\"day\",\"points\":100}]}";

static void a_rule_is_a_sentence_in_five_languages(void **state)
{
    (void)state;
    says(COFFEE, WORDS_EN,
         "For a purchase of 10.00 EUR or more with coffee in its categories, on Saturdays and "
         "Sundays from 08:00 to 12:00, "
         "members of Regulars earn twice the base points, at most 100 points a day.");
    says(COFFEE, WORDS_ES,
         "Por una compra de 10,00 EUR o más con coffee entre sus categorías, los sábados y los "
         "domingos de 08:00 a 12:00, "
         "los miembros del segmento Habituales reciben el doble de los puntos base, como máximo "
         "100 puntos al día.");
    says(COFFEE, WORDS_NL,
         "Voor een aankoop van 10,00 EUR of meer met coffee onder de categorieën, op zaterdag en "
         "zondag van 08:00 tot 12:00, "
         "krijgen leden van Vaste klanten tweemaal de basispunten, hoogstens 100 punten per dag.");
    says(COFFEE, WORDS_ID,
         "Untuk pembelian senilai 10,00 EUR atau lebih dengan coffee di antara kategorinya, setiap "
         "Sabtu dan Minggu pukul "
         "08:00 sampai 12:00, anggota segmen Regulars mendapat dua kali lipat poin dasar, paling "
         "banyak 100 poin per hari.");
    says(COFFEE, WORDS_PL,
         "Za zakup o wartości co najmniej 10,00 EUR z kategorii coffee, w soboty i w niedziele w "
         "godzinach od 08:00 do "
         "12:00, uczestnicy z segmentu Stali klienci otrzymują dwukrotność punktów podstawowych, "
         "co najwyżej 100 punktów dziennie.");
}

static void plurals_follow_the_language(void **state)
{
    (void)state;
    static const char RULE[] = "{\"slug\":\"x\",\"trigger\":\"visit\",\"effects\":[{\"kind\":"
                               "\"earn\",\"wallet\":\"points\",\"points\":%s}]}";
    static const struct {
        const char *points;
        const char *polish;
    } CASES[] = {{"1", "1 punkt"},
                 {"2", "2 punkty"},
                 {"5", "5 punktów"},
                 {"22", "22 punkty"},
                 {"112", "112 punktów"}};
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        const struct str rule = str_fmt(&arena, RULE, CASES[i].points);
        says(rule.p, WORDS_PL,
             str_fmt(&arena, "Za wizytę uczestnicy otrzymują %s.", CASES[i].polish).p);
    }
    says(str_fmt(&arena, RULE, "1").p, WORDS_EN, "For a visit, members earn 1 point.");
    says(str_fmt(&arena, RULE, "12345").p, WORDS_ES,
         "Por una visita, los miembros reciben 12.345 puntos.");
    says(str_fmt(&arena, RULE, "1").p, WORDS_NL, "Voor een bezoek krijgen leden 1 punt.");
}

static void dates_clauses_and_lines_are_said(void **state)
{
    (void)state;
    says("{\"slug\":\"x\",\"trigger\":\"purchase\",\"when\":{\"and\":[{\"==\":[{\"var\":\"event."
         "store\"},\"ams-1\"]},{\">=\":[{\"var\":\"member.age\"},18]},"
         "{\"!\":{\"in\":[\"gift\",{\"var\":\"event.categories\"}]}}]},\"window\":{\"from\":\"2026-"
         "11-01\",\"until\":\"2026-12-01\"},"
         "\"effects\":[{\"kind\":\"earn\",\"wallet\":\"points\",\"points\":3,\"lines\":{\"==\":[{"
         "\"var\":\"line.category\"},\"tea\"]}}]}",
         WORDS_EN,
         "For a purchase at Amsterdam Centraal, from November 1, 2026 through November 30, 2026, "
         "if the member's age is 18 or more and "
         "gift is not among the purchase's categories, members earn 3 points for each line where "
         "the line's category is tea.");
    says("{\"slug\":\"x\",\"trigger\":\"purchase\",\"effects\":[{\"kind\":\"earn\",\"wallet\":"
         "\"miles\",\"formula\":{\"*\":[{\"var\":\"event.quantity\"},\"2.5\"]}}],"
         "\"stack\":{\"group\":\"g\",\"mode\":\"best\"}}",
         WORDS_NL,
         "Voor een aankoop krijgen leden een aantal punten gelijk aan het product van het aantal "
         "stuks en 2,5. Van de regels in de groep g "
         "telt alleen de beste.");
    says("{\"slug\":\"x\",\"trigger\":\"purchase\",\"when\":{\">\":[{\"+\":[{\"var\":\"event."
         "amount\"},100]},1000]},\"effects\":[{\"kind\":\"earn\","
         "\"wallet\":\"points\",\"points\":2,\"per_amount\":500}]}",
         WORDS_ES,
         "Por una compra, si la suma del importe de la compra y de 1,00 EUR es de más de 10,00 "
         "EUR, los miembros reciben 2 puntos por cada 5,00 EUR.");
}

static void explains(const char *rules, enum words_language language, struct explain_rule explain,
                     const char *wanted)
{
    struct words *w = words_of(rules, language);
    const struct str said = words_explain(w, &explain);
    if (!str_eq(said, str_c(wanted))) {
        fail_msg("said:   %.*s\nwanted: %s", STR_ARG(said), wanted);
    }
    words_close(w);
}

static const char ONE_RULE[] = "\"earning_rules\":[{\"slug\":\"x\",\"trigger\":\"purchase\","
                               "\"audience\":\"regulars\",\"effects\":[{\"kind\":\"earn\","
                               "\"wallet\":\"points\",\"points\":1}]}]";

static struct explain_rule failed(const char *pointer, const char *condition, const char *actual)
{
    return (struct explain_rule){.stage = STR("when"),
                                 .pointer = str_c(pointer),
                                 .condition = str_c(condition),
                                 .actual = str_c(actual)};
}

static void a_failed_condition_says_what_was_and_what_is_needed(void **state)
{
    (void)state;
    static const char AMOUNT[] = "{\">=\":[{\"var\":\"event.amount\"},1000]}";
    explains(ONE_RULE, WORDS_EN, failed("/and/0", AMOUNT, "900"),
             "The purchase's amount was 9.00 EUR, but 10.00 EUR or more is needed.");
    explains(ONE_RULE, WORDS_ES, failed("", AMOUNT, "900"),
             "El importe de la compra fue 9,00 EUR, pero se necesita 10,00 EUR o más.");
    explains(ONE_RULE, WORDS_NL, failed("", AMOUNT, "900"),
             "Het aankoopbedrag was 9,00 EUR, maar er is 10,00 EUR of meer nodig.");
    explains(ONE_RULE, WORDS_ID, failed("", AMOUNT, "900"),
             "Nilai pembelian adalah 9,00 EUR, tetapi diperlukan 10,00 EUR atau lebih.");
    explains(ONE_RULE, WORDS_PL, failed("", AMOUNT, "900"),
             "Kwota zakupu to 9,00 EUR, a potrzeba co najmniej 10,00 EUR.");
    explains(ONE_RULE, WORDS_EN, failed("/!", AMOUNT, "1000"),
             "The purchase's amount was 10.00 EUR, but less than 10.00 EUR is needed.");
    explains(
        ONE_RULE, WORDS_EN,
        failed("", "{\"in\":[\"coffee\",{\"var\":\"event.categories\"}]}", "[\"tea\",\"cake\"]"),
        "The purchase's categories were tea and cake, but coffee is needed among them.");
    explains(ONE_RULE, WORDS_EN,
             failed("", "{\"in\":[\"coffee\",{\"var\":\"event.categories\"}]}", "[]"),
             "The list of the purchase's categories was empty, but coffee is needed among them.");
    explains(ONE_RULE, WORDS_EN, failed("", "{\">=\":[{\"var\":\"member.age\"},18]}", "null"),
             "The member's age is not known, but 18 or more is needed.");
    explains(ONE_RULE, WORDS_PL, failed("", "{\">=\":[{\"var\":\"member.age\"},18]}", "null"),
             "Brakuje wieku uczestnika, a potrzeba co najmniej 18.");
    explains(ONE_RULE, WORDS_NL,
             failed("", "{\"before\":[{\"var\":\"event.local.date\"},\"2026-12-24\"]}",
                    "\"2026-12-25\""),
             "Niet voldaan is aan de voorwaarde dat de datum vóór 24 december 2026 valt.");
}

static void what_a_rule_gave_is_said(void **state)
{
    (void)state;
    explains(ONE_RULE, WORDS_EN,
             (struct explain_rule){.fired = true, .points = 1, .points_before_caps = 1},
             "The rule gave 1 point.");
    explains(ONE_RULE, WORDS_PL,
             (struct explain_rule){.fired = true, .points = 40, .points_before_caps = 62},
             "Reguła dała 40 punktów zamiast 62 punkty, ponieważ osiągnięto limit.");
    explains(ONE_RULE, WORDS_EN, (struct explain_rule){.fired = true, .gap = STR("event.quantity")},
             "The rule gave nothing, because its formula found no value for the number of items.");
    explains(ONE_RULE, WORDS_EN,
             (struct explain_rule){.stage = STR("audience"),
                                   .condition =
                                       STR("{\">=\":[{\"var\":\"member.stats.purchases_90d\"},4]}"),
                                   .actual = STR("1")},
             "The rule is only for members of Regulars. The number of the member's purchases in "
             "the last 90 days was 1, but 4 or more is needed.");
}

/* Rules of the most that is allowed end in a sentence, and soon. */
static void the_largest_rules_are_said_in_bounds(void **state)
{
    (void)state;
    struct words *w = words_of("", WORDS_PL);
    struct str deep = STR("{\"var\":\"event.amount\"}");
    struct str choice = STR("true");
    struct buf wide;
    for (int i = 0; i < 13; i++) {
        deep = str_fmt(&arena, "{\"+\":[%.*s,1]}", STR_ARG(deep));
        choice = str_fmt(
            &arena,
            "{\"if\":[{\"!\":{\"!\":{\"var\":\"member.city\"}}},%.*s,{\"var\":\"member.age\"}]}",
            STR_ARG(choice));
    }
    buf_open(&wide, &arena, 1 << 20);
    buf_printf(&wide, "{\"in\":[{\"var\":\"member.city\"},[");
    for (int i = 0; i < 480; i++) {
        buf_printf(&wide, "%s\"%0190d ż\"", i > 0 ? "," : "", i);
    }
    buf_printf(&wide, "]]}");
    const struct str conditions[] = {str_fmt(&arena, "{\">\":[%.*s,1]}", STR_ARG(deep)),
                                     str_fmt(&arena, "{\"!\":%.*s}", STR_ARG(choice)),
                                     buf_view(&wide)};
    for (size_t i = 0; i < ARRAY_N(conditions); i++) {
        const struct str said = words_condition(w, json_of(conditions[i]));
        assert_in_range(said.n, 3, WORDS_BYTES_MAX);
        assert_true(str_is_utf8(said));
        assert_true(w->scratch.used < WORDS_WORK_BYTES_MAX * 2);
    }
    words_close(w);
}

static void a_language_without_phrases_falls_back(void **state)
{
    (void)state;
    const struct program *program = program_of(str_fmt(&arena, "{%s}", HEAD).p);
    static const struct {
        struct str tag;
        enum words_language language;
    } CASES[] = {{{.p = "nl-BE", .n = 5}, WORDS_NL},
                 {{.p = "pt", .n = 2}, WORDS_EN},
                 {{.p = "", .n = 0}, WORDS_EN},
                 {{.p = "PL", .n = 2}, WORDS_PL},
                 {{.p = "nld", .n = 3}, WORDS_EN}};
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        struct words *w = words_open(&arena, program, CASES[i].tag);
        assert_int_equal(words_language(w), CASES[i].language);
        words_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_language_has_every_phrase),
        cmocka_unit_test(every_variable_has_a_name),
        cmocka_unit_test(every_trigger_has_a_name),
        cmocka_unit_test(silences_and_birthdays_are_said_in_five_languages),
        cmocka_unit_test(every_operator_is_said_in_every_language),
        cmocka_unit_test(a_rule_is_a_sentence_in_five_languages),
        cmocka_unit_test(plurals_follow_the_language),
        cmocka_unit_test(dates_clauses_and_lines_are_said),
        cmocka_unit_test(a_failed_condition_says_what_was_and_what_is_needed),
        cmocka_unit_test(what_a_rule_gave_is_said),
        cmocka_unit_test(the_largest_rules_are_said_in_bounds),
        cmocka_unit_test(a_language_without_phrases_falls_back),
    };
    return cmocka_run_group_tests_name("words", tests, setup, teardown);
}
