"""Promises and claimed acts in German, Spanish, French and Portuguese: the gate's patterns beside the English ones."""

from __future__ import annotations

import re

# A clause with one of these says what is not done, or is not known. "Si" and "se" are none: they offer.
NEGATION = re.compile(
    r"\b(?:nicht(?! nur)|nichts|niemals|nie|kein\w*|ob|weder|no(?! s[oó]l[oa])|ni|nunca|tampoco|nada|pas|ne|n'\w+|"
    r"aucune?|jamais|rien|não(?! só)|nem)\b",
    re.I,
)
CLAUSE = re.compile(r"[,;:()\u2013\u2014]")

DE_GOODS = r"(?:erstattung|gutschrift|rabatt|nachlass|gutschein|entschädigung|freimonat|geld)"
DE_PAID = (
    r"(?:(?:zurück|rück)?erstatte[nt]?|zurück(?:über)?weisen|zurück(?:ge)?zahl(?:en|t)|gutschreiben|gutgeschrieben|"
    r"erlassen|entschädig(?:en|t))"
)
DE_GIVEN = (
    r"(?:gebe|geben|gewähre?[nt]?|biete[nt]?|anbieten|schenken?|veranlass(?:en|t|e)|angewiesen|überwiesen|überweisen|"
    r"ausgezahlt|ausgestellt)"
)
DE_DONE = (
    r"(?:gelöscht|gekündigt|zurückgesetzt|storniert|geändert|aktualisiert|gesendet|geschickt|weitergeleitet|informiert|"
    r"benachrichtigt|überwiesen|wiederhergestellt|(?:hoch|herunter)gestuft|(?:de)?aktiviert|erstellt|gebucht|behoben|"
    r"eskaliert|entfernt|freigeschaltet|entsperrt|verlängert|übertragen|gegeben|erteilt|hinzugefügt)"
)
ES_GOODS = r"(?:reembolso|devolución|descuento|crédito|compensación|cupón|bonificación|mes(?:es)? gratis|dinero)"
ES_PAY = r"(?:reembols|devolv|devuelv|devuelt|abon|compens|acredit)\w*"
ES_GIVE = (
    r"(?:ofrecer\w*|ofrecemos|ofrezco|daremos|daré|damos|doy|dar(?:le|te)|conced\w+|he(?:mos)? (?:emitido|aprobado|"
    r"aplicado|procesado|tramitado)|aplicar(?:emos|é)|procesar(?:emos|é)|emitir(?:emos|é)|recibir(?:á|ás|án|éis))"
)
ES_DONE = (
    r"(?:eliminad|borrad|cancelad|restablecid|cambiad|actualizad|enviad|escalad|reenviad|notificad|transferid|cread|"
    r"reservad|desactivad|activad|restaurad|corregid|resuelt|informad|avisad|ampliad|mejorad)[oa]s?"
)
FR_GOODS = r"(?:remboursement|avoir|remise|réduction|rabais|crédit|dédommagement|compensation|bon d'achat|mois gratuit)"
FR_GIVE = r"(?:offr|accord|propos|effectu|approuv|appliqu|émet|émis|valid|recevr|obtiendr|bénéficier)\w*"
FR_DONE = (
    r"(?:supprimé|annulé|résilié|réinitialisé|modifié|changé|mis à jour|envoyé|transmis|transféré|escaladé|informé|"
    r"prévenu|alerté|créé|réservé|désactivé|activé|rétabli|corrigé|restauré|résolu|prolongé|remboursé)(?:e|s|es)?"
)
PT_GOODS = r"(?:reembolso|estorno|desconto|crédito|compensação|cupom|cupão|devolução|mês grátis|dinheiro)"
PT_GIVE = (
    r"(?:oferecemos|ofereço|oferecer|ofereceremos|concedemos|concedo|conceder|concederemos|aprovamos|aprovei|aplicamos|"
    r"apliquei|aplicar(?:ei|emos)|emitimos|emiti|processamos|processei|dar(?:emos|ei|-lhe)|receber(?:á|ás|ão))"
)
PT_DONE = (
    r"(?:eliminad|excluíd|apagad|cancelad|redefinid|alterad|atualizad|enviad|encaminhad|notificad|transferid|criad|"
    r"reservad|desativad|ativad|restaurad|corrigid|resolvid)[oa]s?"
)

FOREIGN_PROMISES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # "Wir erstatten Ihnen den Betrag", "Gern gewähren wir Ihnen 3 Monate Rabatt"
        rf"\b(?:wir|ich)\b(?:\s+\S+){{0,7}}?\s+{DE_PAID}\b",
        r"\b(?:erstatten?|entschädigen?)\s+(?:wir|ich)\b",
        rf"\b(?:wir|ich)\b(?:\s+\S+){{0,4}}?\s+{DE_GIVEN}\b(?:\s+\S+){{0,6}}?\s+\S*{DE_GOODS}",
        rf"\b(?:wir|ich)\b(?:\s+\S+){{0,6}}?\s+\S*{DE_GOODS}\S*(?:\s+\S+){{0,3}}?\s+{DE_GIVEN}\b",
        rf"\b{DE_GIVEN}\s+(?:wir|ich)\b(?:\s+\S+){{0,6}}?\s+\S*{DE_GOODS}",
        rf"\b(?:sie|du)\s+(?:erhalten|erhältst|bekommen|bekommst|haben anspruch auf|hast anspruch auf)"
        rf"(?:\s+\S+){{0,5}}?\s+\S*{DE_GOODS}",
        rf"\b\S*{DE_GOODS}\S*(?:\s+\S+){{0,2}}?\s+(?:wurde|wird|ist)\s+(?:\S+\s+){{0,2}}?"
        r"(?:veranlasst|genehmigt|bestätigt|unterwegs|ausgezahlt|überwiesen|gutgeschrieben)",
        r"\b(?:wir|ich)\s+(?:garantieren?|versprechen?|verspreche)\b",
        r"\b(?:wird|werden|ist|sind)\s+(?:\S+\s+){0,2}?(?:bis|am|morgen|nächste\w*|innerhalb|in \d+)\s+(?:\S+\s+){0,4}?"
        r"(?:behoben|veröffentlicht|verfügbar|gelöst|fertig|geliefert|bereit)\b",
        r"\b(?:wir|ich)?\s*schreiben?\b(?:\s+\S+){1,6}?\s+gut\b",
        r"(?:\bgeld|betrag|gebühr|abbuchung|rechnung|zahlung)\s+(?:\S+\s+){0,2}?(?:wird|wurde|ist)\s+(?:\S+\s+){0,3}?"
        r"(?:zurück\w+|storniert|erlassen|gutgeschrieben|erstattet)\b",
        r"\b\S*(?:update|funktion|korrektur|behebung|version)\s+kommt\s+(?:\S+\s+)?(?:am|nächst\w*|morgen|bis)\b",
        # "Le reembolsaremos", "Hemos aprobado su reembolso"
        rf"\b(?:le|te|les|os|vamos a|voy a|podemos|puedo|hemos|he)\s+{ES_PAY}",
        r"\b(?:reembolsaremos|devolveremos|abonaremos|compensaremos|reembolsaré|devolveré)\b",
        rf"\b{ES_GIVE}\s+(?:\S+\s+){{0,5}}?{ES_GOODS}",
        rf"\b{ES_GOODS}\s+(?:\S+\s+){{0,2}}?(?:ha sido|fue|está|será)\s+"
        r"(?:\S+\s+)?(?:aprobad|procesad|emitid|confirmad|camino)",
        rf"\btienes?\s+derecho\s+a\s+(?:\S+\s+){{0,3}}?{ES_GOODS}",
        r"\b(?:garantizamos|garantizo|prometemos|prometo)\b",
        r"\b(?:estará|será|quedará)\s+(?:\S+\s+)?(?:list|disponible|resuelt|corregid|publicad|arreglad)\w*\s+"
        r"(?:\S+\s+)?(?:el|en|mañana|antes|la próxima|este)\b",
        r"\b(?:cargo|cobro|pago|factura|importe|dinero)\s+(?:\S+\s+){0,2}?(?:ha sido|fue|será|está)\s+(?:\S+\s+)?"
        r"(?:anulad|devuelt|reembolsad|cancelad|abonad)",
        # "Nous vous rembourserons", "Je vous offre une remise"
        r"\b(?:nous|je)\s+vous\s+(?:rembours|crédit|indemnis|dédommag)\w*",
        r"\b(?:allons|vais|pouvons|peux|avons|viens de|j'ai)\s+(?:\S+\s+){0,2}?(?:rembours|crédit|indemnis)(?:er|é)\w*",
        rf"\b(?:nous|je|j'ai|vous)\s+(?:\S+\s+){{0,3}}?{FR_GIVE}\s+(?:\S+\s+){{0,5}}?{FR_GOODS}",
        r"\bvous\s+serez\s+(?:\S+\s+)?(?:remboursé|crédité|indemnisé)",
        rf"\b{FR_GOODS}\s+(?:\S+\s+){{0,2}}?(?:a été|est|sera)\s+(?:\S+\s+)?"
        r"(?:effectué|approuvé|traité|validé|confirmé|en cours|en route)",
        rf"\bvous\s+avez\s+droit\s+à\s+(?:\S+\s+){{0,3}}?{FR_GOODS}",
        r"\b(?:garantissons|je (?:vous )?garantis|promettons|je (?:vous )?promets)\b",
        r"\b(?:sera|seront)\s+(?:\S+\s+)?(?:corrigé|disponible|résolu|publié|livré|prêt)\w*\s+"
        r"(?:demain|d'ici|avant|la semaine|le mois|dans \d|le \d|lundi|mardi|mercredi|jeudi|vendredi)\b",
        r"\b(?:argent|montant|prélèvement|facture|paiement)\s+(?:\S+\s+){0,2}?(?:a été|est|sera)\s+(?:\S+\s+)?"
        r"(?:rendu|annulé|remboursé|restitué|recrédité)",
        # "Vamos reembolsar o valor", "Aprovei o seu reembolso"
        r"\b(?:vamos|iremos|podemos|posso|vou)\s+(?:\S+\s+)?(?:reembolsar|estornar|devolver|creditar|compensar)\w*",
        r"\b(?:reembolsaremos|estornaremos|reembolsámos|reembolsamos|reembolsei|estornei|creditei|creditaremos)\b",
        rf"\b{PT_GIVE}\s+(?:\S+\s+){{0,5}}?{PT_GOODS}",
        rf"\b(?:vai|vão)\s+receber\s+(?:\S+\s+){{0,4}}?{PT_GOODS}",
        rf"\b{PT_GOODS}\s+(?:\S+\s+){{0,2}}?(?:foi|está|será)\s+(?:\S+\s+)?(?:aprovad|processad|emitid|confirmad|caminho)",
        r"\b(?:dinheiro|valor|cobrança|pagamento|fatura)\s+(?:\S+\s+){0,2}?(?:foi|está|será)\s+(?:\S+\s+)?"
        r"(?:devolvid|estornad|cancelad|reembolsad|creditad)",
        rf"\btem\s+direito\s+a\s+(?:\S+\s+){{0,3}}?{PT_GOODS}",
        r"\b(?:garantimos|garanto|prometemos)\b",
        r"\b(?:estará|será|ficará)\s+(?:\S+\s+)?(?:pront|disponível|resolvid|corrigid|publicad)\w*\s+"
        r"(?:\S+\s+)?(?:até|em|amanhã|antes|na próxima|esta|no dia)\b",
    )
)
FOREIGN_CLAIMS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?:ich habe|wir haben|habe ich|haben wir)\b(?:\s+\S+){{0,8}}?\s+{DE_DONE}\b",
        rf"^(?:(?!\b(?:wenn|sobald|falls|nachdem|bevor|warum|wie)\b).)*\b(?:ihre?|deine?)\b(?:\s+\S+){{1,3}}?\s+"
        rf"wurden?\s+(?:\S+\s+){{0,2}}?{DE_DONE}\b",
        rf"\b(?:ihre?|deine?)\s+(?:\S+\s+){{1,2}}?(?:ist|sind)\s+(?:jetzt|nun|bereits)\s+{DE_DONE}\b",
        r"\b(?:borré|eliminé|cancelé|cambié|restablecí|actualicé|activé|desactivé|acab(?:o|amos) de \w+r)\b",
        r"\b(?:su|tu)\s+(?:\S+\s+){1,3}?está\s+(?:ya |ahora )?(?:eliminad|borrad|cancelad)[oa]\b(?! por)",
        r"\b(?:viens|venons) de (?:vous )?(?:supprim|annul|résili|réinitialis|modifi|chang|envoy|transf|cré|activ|"
        r"désactiv|rembours|accord)\w+",
        r"\b(?:acabei|acabamos) de \w+r\b",
        rf"\b(?:he|hemos)\s+(?:ya\s+)?{ES_DONE}\b",
        rf"^(?:(?!\b(?:si|cuando|una vez|después|hasta|por qué|cómo)\b).)*\b(?:su|tu)\s+(?:\S+\s+){{1,3}}?"
        rf"ha\s+sido\s+(?:\S+\s+)?{ES_DONE}\b",
        rf"\b(?:j'ai|nous avons)\s+(?:\S+\s+){{0,2}}?{FR_DONE}\b",
        rf"^(?:(?!\b(?:si|quand|lorsque|une fois|après|jusqu'|pourquoi|comment)\b).)*\bvotre\s+(?:\S+\s+){{1,3}}?"
        rf"a\s+(?:bien |déjà )?été\s+{FR_DONE}\b",
        r"\b(?:eliminei|excluí|apaguei|cancelei|redefini|alterei|mudei|atualizei|enviei|encaminhei|notifiquei|avisei|"
        r"transferi|criei|reservei|desativei|ativei|restaurei|corrigi|escalei|eliminámos|excluímos|apagámos|cancelámos|"
        r"cancelamos|redefinimos|alterámos|enviámos|encaminhámos|transferimos)\b",
        rf"^(?:(?!\b(?:se|quando|depois|assim que|até|porque|como)\b).)*\b(?:seu|sua)\s+(?:\S+\s+){{1,3}}?"
        rf"foi\s+(?:\S+\s+)?{PT_DONE}\b",
    )
)

# "Please send me your password": nobody of ours asks for it.
KEPT = (
    r"(?:password|passcode|card (?:number|details)|credit card|cvc|cvv|pin|verification code|bank details|"
    r"passwort|kennwort|kartennummer|kreditkarte\w*|bestätigungscode|contraseña|número de (?:su |tu )?tarjeta|"
    r"código de verificación|mot de passe|numéro de (?:votre )?carte|code de vérification|senha|palavra-passe|"
    r"número do (?:seu )?cartão|código de verificação)"
)
ASKS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?:send|give|tell|e-?mail|text|reply with|answer with|share|dm|provide)\b(?:\s+\S+){{0,4}}?\s+"
        rf"your\s+(?:\S+\s+)?{KEPT}\b",
        rf"\b(?:what(?:'s| is) your|wie lautet (?:ihr|dein)e?|cuál es (?:su|tu)|quel est votre|qual é a sua)\s+"
        rf"(?:\S+\s+)?{KEPT}",
        rf"\btext\b.*\b{KEPT}\s+to\s+us\b",
        rf"\b(?!geben\b.*\bein\b)(?:schicken|senden|schreiben|nennen|geben|teilen|verraten)\s+sie\b(?:\s+\S+){{0,4}}?\s+\S*{KEPT}\b",
        rf"\b(?:schick|sende|schreib|nenn|gib)e?\b(?:\s+\S+){{0,4}}?\s+dein\S*\s+\S*{KEPT}\b",
        rf"\b(?:envíe|envía|mande|manda|deme|déme|dime|díga|comparta|indíque|escríba)\w*(?:\s+\S+){{0,3}}?\s+{KEPT}\b",
        rf"\b(?:envoyez|donnez|communiquez|indiquez|dites|transmettez|envoie|donne)\b\S*(?:\s+\S+){{0,3}}?\s+{KEPT}\b",
        rf"\b(?:envie|mande|informe|diga|passe|forneça|compartilhe)\b\S*(?:\s+\S+){{0,3}}?\s+{KEPT}\b",
    )
)
# "You won't have to pay": a gift in the form of a denial.
WAIVED = re.compile(
    r"\byou\s+(?:owe (?:us )?nothing|"
    r"(?:won't|will not|don't|do not|needn't)\s+(?:have to |need to )?(?:pay|be charged)\b)|"
    r"\b(?:sie müssen|müssen sie|du musst)\b(?:\s+\S+){0,4}?\s+(?:nichts|nicht)\s+(?:\S+\s+)?(?:be)?zahlen|"
    r"\bno (?:tendrá|tiene|tienes|tendrás) que pagar|\bno pagará|\bn'(?:aurez|avez) (?:rien|pas) à payer|"
    r"\bnão (?:precisa(?:rá)?|terá de|terá que|vai) pagar",
    re.I,
)
# "Never share your password", "I can't say whether a refund was approved"
FORBIDS = re.compile(
    r"\b(?:not|never|nobody|no one|nie|niemals|nicht|kein\w*|niemand|no|nunca|nadie|ne|jamais|personne|não|"
    r"ninguém)\b|n't\b",
    re.I,
)
DOUBT = re.compile(
    r"\bwhether\b|(?:n't|\bcannot|\bnot able to|\bunable to)\s+(?:yet\s+)?(?:say|confirm|tell|promise|know|see|check|"
    r"guarantee)\b",
    re.I,
)
DENIAL = re.compile(r"\b(?:not(?! only)|cannot|never|nor|unable|whether)\b|n't\b", re.I)


def promised(patterns: tuple[re.Pattern[str], ...], sentence: str) -> bool:
    """In English the denial stands inside ("we do not give refunds") or is a doubt before it."""
    return bool(WAIVED.search(sentence)) or any(
        not DENIAL.search(found[0]) and not DOUBT.search(_clause_before(sentence, found))
        for pattern in patterns
        for found in pattern.finditer(sentence)
    )


def asks_for_secrets(sentence: str) -> bool:
    return any(
        not FORBIDS.search(_clause_before(sentence, found) + found[0])
        for pattern in ASKS
        for found in pattern.finditer(sentence)
    )


def said_in_other_words(patterns: tuple[re.Pattern[str], ...], sentence: str) -> bool:
    """One of the patterns stands in a clause that does not deny it."""
    return any(not _denied(sentence, found) for pattern in patterns for found in pattern.finditer(sentence))


def _denied(sentence: str, found: re.Match[str]) -> bool:
    after = CLAUSE.split(sentence[found.end() :])[0]
    return bool(NEGATION.search(_clause_before(sentence, found) + CLAUSE.split(found[0])[-1] + after))


def _clause_before(sentence: str, found: re.Match[str]) -> str:
    return CLAUSE.split(sentence[: found.start()])[-1]
