"""Lines to be spoken: a few words of each language, put together at random."""

from training.synthetic.dice import Dice

_SLOTS = {
    "english": (
        (
            "every shadow in the river|the boys in the yellow house|my father's old guitar"
            "|a young thief|nobody in this town|the voice on the radio|your laughter"
            "|five thousand birds|the judge and the jury|all the cheap red roses"
            "|one good measure of joy|the thunder|we two|the girl with the green umbrella"
            "|that strange machine|whoever you are|the cold north wind"
        ),
        (
            "keeps running|should have known better|was never enough|waited for an hour"
            "|could fly away|goes round and round|has broken the chain|taught me how to breathe"
            "|will follow you home|is shining like a jewel|won't let me go|pulled up the anchor"
            "|cooks with too much sugar|brought us closer together|looks pure and beautiful"
            "|vanished without a sound"
        ),
        (
            "tonight|across the bridge|under the orange moon|in a usual way"
            "|through the fire and smoke|before the morning comes|where the children play"
            "|for the very first time|on a foggy beach|with a heart of stone"
            "|and the church bells ring|between you and me|like a ship at sea|oh yeah"
            "|down by the water|until the music stops|while I watch the leaves fall"
        ),
    ),
    "czech": (
        (
            "moje stará kytara|dívka v zeleném šátku|hvězda nad řekou|každý člověk|zlatý déšť"
            "|tvůj hlas|můj kůň|bílá loď|ten chytrý chlapec"
        ),
        (
            "svítí|zpívá o lásce|čeká na ráno|běží pořád dál|už nechce spát|hledá svůj dům|mlčí"
            "|padá do ticha|přichází pomalu"
        ),
        (
            "dnes v noci|pod modrým nebem|až do konce světa|jako oheň a sníh|u velkého moře"
            "|beze slov|když kvetou růže|před naším oknem"
        ),
    ),
    "italian": (
        (
            "la luna di settembre|questo amore|il vecchio marinaio|ogni mia parola"
            "|la ragazza di ghiaccio|il vento|una chitarra stanca|gli occhi tuoi|nessuno"
        ),
        (
            "brilla|canta piano|cerca la strada|aspetta la pioggia|non dorme mai|sogna e piange"
            "|vola via|chiede scusa|corre senza paura"
        ),
        (
            "sopra il mare|questa notte|fino a domani|come un fuoco acceso|dentro il mio cuore"
            "|tra le foglie|per la prima volta|sotto la neve bianca"
        ),
    ),
    "russian": (
        (
            "белая луна|моя гитара|старый дом|девушка у реки|каждый человек|холодный ветер"
            "|твой голос|чужая песня|жёлтый цветок"
        ),
        (
            "поёт о любви|бежит по земле|ждёт рассвета|молчит и плачет|ищет дорогу|летит домой"
            "|не хочет спать|горит как огонь|шумит"
        ),
        (
            "сегодня ночью|над синим морем|до самого утра|в чистом поле|под дождём|на краю света"
            "|без лишних слов|между мной и тобой"
        ),
    ),
    "finnish": (
        (
            "vanha kitara|tyttö sillalla|yön viimeinen tähti|minun sydämeni|kylmä tuuli"
            "|jokainen lintu|sinun äänesi|hiljainen poika|punainen ruusu"
        ),
        (
            "laulaa rakkaudesta|odottaa aamua|juoksee kotiin|ei koskaan nuku|loistaa kauniisti"
            "|etsii tietä|soi hiljaa|lentää pois|kysyy yhä"
        ),
        (
            "tänä yönä|meren yllä|kuin tuli ja jää|ilman sanoja|sateen jälkeen|vihreän metsän yli"
            "|maailman loppuun|minun kanssani"
        ),
    ),
    "catalan": (
        (
            "la lluna plena|aquesta guitarra|el vent del nord|cada paraula teva|una noia estranya"
            "|el meu cor|la veu del carrer|ningú|el vell pescador"
        ),
        (
            "brilla|canta molt fluix|espera la pluja|no dorm mai|busca el camí|plora i riu"
            "|vola lluny|torna a casa|corre sense por"
        ),
        (
            "sobre el mar|aquesta nit|fins demà|com un foc encès|dins del bosc|sota la neu blanca"
            "|per primera vegada|entre tu i jo"
        ),
    ),
    "german": (
        (
            "meine alte Gitarre|das Mädchen am Fluss|jeder zweite Stern|der kühle Wind|dein Herz"
            "|niemand|ein fremder Zug|die Stimme im Radio"
        ),
        (
            "singt von der Liebe|läuft immer weiter|wartet auf morgen|schläft niemals ein"
            "|sucht einen Weg|brennt lichterloh|fliegt davon|schweigt"
        ),
        (
            "heute Nacht|über dem Meer|ohne ein Wort|wie Feuer und Schnee|bis zum Ende der Welt"
            "|unter dem Mond|zwischen dir und mir"
        ),
    ),
    "spanish": (
        (
            "la luna llena|mi vieja guitarra|cada palabra tuya|el viento del sur"
            "|una chica extraña|nadie|tu corazón|el pájaro rojo"
        ),
        (
            "canta muy suave|espera la lluvia|nunca duerme|busca el camino|llora y ríe"
            "|vuela lejos|corre sin miedo|brilla"
        ),
        (
            "sobre el mar|esta noche|hasta mañana|como fuego y hielo|bajo la nieve"
            "|por primera vez|entre tú y yo|en la calle"
        ),
    ),
}
LANGUAGES = tuple(_SLOTS)


def draw_line(dice: Dice, language: str) -> str:
    """Returns a line of one or two clauses, 1 to 5 seconds long when it is spoken.

    Args:
        dice: what to draw from.
        language: one of `LANGUAGES`.

    Example:
        >>> import numpy as np
        >>> line = draw_line(Dice(np.random.SeedSequence(1)), "english")
        >>> len(line.split()) > 2
        True
    """
    slots = [slot.split("|") for slot in _SLOTS[language]]
    clause = [dice.pick(slot) for slot in slots]
    extra = [dice.pick(slot) for slot in slots[1:]]
    shape = dice.pick(["plain", "short", "more"], [0.6, 0.2, 0.2])
    if shape == "short":
        return " ".join(clause[:2])
    return " ".join(clause if shape == "plain" else [*clause, *extra])
