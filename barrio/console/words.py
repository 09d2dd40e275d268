"""The words of the console, all of them, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dashboards.kit.states import ALARM, PRIORITY, REASONS, STATES
from dashboards.kit.texts import Lang, Text

SKIP = Text("Skip to the content", "Saltar al contenido")
PAGES = Text("Pages", "Páginas")
MAP = Text("Map", "Mapa")
DEVICES = Text("Devices", "Dispositivos")
ALARMS = Text("Alarms", "Alarmas")
WHY = Text("Why empty?", "¿Por qué vacío?")
EXPLORER = Text("API", "API")
SIGN_IN = Text("Sign in", "Entrar")
SIGN_OUT = Text("Sign out", "Salir")
PUBLIC = Text("open data", "datos abiertos")
DISTRICTS = Text("Districts", "Distritos")

FINE = Text("fine", "bien")
ALARM_STATE = Text("alarm", "alarma")
SILENT = Text("silent", "sin comunicación")
UNCERTAIN = Text("uncertain", "dudoso")
STANDINGS: Mapping[str, Text] = MappingProxyType({"a": ALARM_STATE, "s": SILENT, "u": UNCERTAIN, "f": FINE})
MEANT: Mapping[str, Text] = MappingProxyType(
    {
        "a": Text("an alarm stands", "hay una alarma"),
        "s": Text("nothing is heard", "no se recibe nada"),
        "u": Text("some values are missing or doubtful", "faltan valores o son dudosos"),
        "f": Text("all is heard and good", "todo se recibe y está bien"),
    }
)

NOTHING_OPEN = Text("Nothing to see without a token", "Nada que ver sin un token")
NOTHING_OPEN_MORE = Text(
    "This platform has no open data yet. Sign in with a token to see what it stands for.",
    "Esta plataforma aún no tiene datos abiertos. Entre con un token para ver lo que le corresponde.",
)
ENDED = Text("Your sign-in has ended", "Su sesión ha terminado")
ENDED_MORE = Text(
    "The token was revoked or has expired. Sign in again, or sign out to see what is open.",
    "El token fue revocado o ha caducado. Entre de nuevo, o salga para ver los datos abiertos.",
)
NOT_THERE = Text("There is no such thing", "No existe")
NOT_THERE_MORE = Text(
    "It does not exist, or it is not for you to see.", "No existe, o no le corresponde verlo."
)
FILTER = Text("Filter", "Filtrar")
FILTER_HINT = Text("name, kind or place", "nombre, tipo o lugar")
STATE = Text("State", "Estado")
ANY = Text("any", "cualquiera")
NONE_FOUND = Text("nothing matches", "nada coincide")
SHOW_MORE = Text("Show more", "Mostrar más")
SHOWN = Text("{shown} of {total}", "{shown} de {total}")
LIST = Text("List", "Lista")
WRONG = Text("What is wrong", "Qué anda mal")
NOTHING_WRONG = Text("No alarm stands, and nothing is silent.", "No hay alarmas y todo comunica.")
MORE_WRONG = Text("{count} more", "{count} más")
DEVICE_COUNT = Text("{count} devices", "{count} dispositivos")
SILENT_COUNT = Text("{count} devices are not heard", "{count} dispositivos no comunican")
LEGEND = Text("Legend", "Leyenda")
MAP_LABEL = Text(
    "Map of {name}. Arrow keys move it, plus and minus zoom; the list beside it has all devices.",
    "Mapa de {name}. Las flechas lo mueven, más y menos cambian el tamaño; la lista tiene todos los dispositivos.",
)
NEARER = Text("Zoom in", "Acercar")
FARTHER = Text("Zoom out", "Alejar")
WHOLE = Text("Show all", "Ver todo")
NO_PLACE = Text("no place", "sin lugar")

DEVICE = Text("Device", "Dispositivo")
NAME = Text("Name", "Nombre")
KIND = Text("Kind", "Tipo")
PLACE = Text("Place", "Lugar")
POINT = Text("Point", "Punto")
POINTS = Text("Points", "Puntos")
VALUE = Text("Value", "Valor")
WHEN = Text("When", "Cuándo")
QUALITY = Text("Quality", "Calidad")
NO_VALUE = Text("no value", "sin valor")
NEVER = Text("never", "nunca")
EMPTY_WINDOW = Text("no reading in the last full {window}", "sin lecturas en los últimos {window} completos")
NOT_HEARD = Text("{reason}, since {time}", "{reason}, desde {time}")
ASK_WHY = Text("Why?", "¿Por qué?")
CHART = Text("Chart", "Gráfica")
GOOD = Text("good", "buena")
LEVELS: Mapping[str, Text] = MappingProxyType(
    {
        "good": GOOD,
        "uncertain": UNCERTAIN,
        "bad": Text("bad", "mala"),
        "absent": Text("absent", "ausente"),
    }
)

RANGE = Text("Range", "Intervalo")
RANGES: Mapping[str, Text] = MappingProxyType(
    {
        "1h": Text("1 hour", "1 hora"),
        "6h": Text("6 hours", "6 horas"),
        "24h": Text("1 day", "1 día"),
        "7d": Text("1 week", "1 semana"),
        "30d": Text("1 month", "1 mes"),
        "90d": Text("3 months", "3 meses"),
        "365d": Text("1 year", "1 año"),
    }
)
EARLIER = Text("Earlier", "Antes")
LATER = Text("Later", "Después")
LOCAL = Text("local time of {zone}", "hora local de {zone}")
EVERY_READING = Text("every reading", "cada lectura")
WINDOWS = Text("windows of {every}", "ventanas de {every}")
BAND = Text("band: smallest to largest", "banda: del menor al mayor")
NOT_GOOD = Text(
    "{count} of {total} readings doubtful or without a value",
    "{count} de {total} lecturas dudosas o sin valor",
)
ALL_GOOD = Text("all {total} readings are good", "las {total} lecturas son buenas")
QUALITY_LOOKED_AT = Text("quality is being looked at …", "revisando la calidad …")
QUALITY_UNSEEN = Text(
    "quality is not known for all of this time: look closer",
    "no se conoce la calidad de todo este tiempo: mire más de cerca",
)
DOUBT = Text("doubtful or without a value", "dudosa o sin valor")
NO_READINGS = Text("no readings", "sin lecturas")
NO_READINGS_MORE = Text("There are no readings in this time.", "No hay lecturas en este tiempo.")
GAPS = Text("Gaps", "Huecos")
FROM = Text("From", "Desde")
UNTIL = Text("Until", "Hasta")
REASON = Text("Reason", "Motivo")
STILL = Text("still", "todavía")
AS_TABLE = Text("As a table", "Como tabla")
CURSOR = Text("Cursor of the chart", "Cursor de la gráfica")
CHART_HELP = Text(
    "Arrow keys move the cursor; drag across the chart to look closer.",
    "Las flechas mueven el cursor; arrastre sobre la gráfica para ver de cerca.",
)
MEAN = Text("mean", "media")
LEAST = Text("smallest", "menor")
MOST = Text("largest", "mayor")
LAST = Text("last", "último")
DOWNLOAD = Text("Download", "Descargar")
ASK_API = Text("the same from the API", "lo mismo de la API")

WHAT = Text("What", "Qué")
SINCE = Text("Since", "Desde")
ACKNOWLEDGE = Text("Acknowledge", "Reconocer")
ACKNOWLEDGED = Text("acknowledged by {who}", "reconocida por {who}")
SHELVE = Text("Shelve", "Apartar")
SHELVE_LEAD = Text(
    "Put aside until then: nobody is told of it meanwhile. It comes back by itself where it still holds.",
    "Se aparta hasta entonces: mientras tanto no se avisa a nadie. Vuelve por sí sola si aún se cumple.",
)
UNSHELVE = Text("Take back", "Recuperar")
UNSHELVE_LEAD = Text(
    "It stands among the others again where it still holds.", "Vuelve entre las demás si aún se cumple."
)
SHELVED = Text("Shelved", "Apartadas")
SHELVED_BY = Text("shelved until {time} by {who}", "apartada hasta {time} por {who}")
SHELVED_UNTIL = Text("shelved until {time}", "apartada hasta {time}")
FOR_HOW_LONG = Text("For how long", "Por cuánto tiempo")
SHELVED_FOR: Mapping[str, Text] = MappingProxyType(
    {
        "1h": Text("1 hour", "1 hora"),
        "4h": Text("4 hours", "4 horas"),
        "8h": Text("8 hours", "8 horas"),
        "1d": Text("1 day", "1 día"),
        "3d": Text("3 days", "3 días"),
        "7d": Text("1 week", "1 semana"),
        "28d": Text("4 weeks", "4 semanas"),
    }
)
STANDING = Text("{count} standing", "{count} en pie")
WAITING = Text("{count} not acknowledged", "{count} sin reconocer")
SHELVED_COUNT = Text("{count} shelved", "{count} apartadas")
YOUR_NAME = Text("Your name", "Su nombre")
COMMENT = Text("Comment", "Comentario")
CANCEL = Text("Cancel", "Cancelar")
DONE = Text("Done: {what}", "Hecho: {what}")
REFUSED = Text("Not done: {words}", "No se hizo: {words}")
NO_ALARMS = Text("No alarm stands.", "No hay alarmas.")
NO_ALARM_RULES = Text("There are no alarms that you may see.", "No hay alarmas que usted pueda ver.")
NEEDS_VERB = Text(
    "To acknowledge or shelve, sign in with a token that may.",
    "Para reconocer o apartar, entre con un token que lo permita.",
)
BECAUSE = Text("{count} more because of it", "{count} más por esta causa")

WHY_LEAD = Text(
    "Choose a point: the way of a reading is looked at step by step, from the files to the value.",
    "Elija un punto: se revisa paso a paso el camino de una lectura, de los archivos al valor.",
)
PATH = Text("Path of a point", "Ruta de un punto")
LOOK = Text("Look", "Revisar")
STEPS = Text("Steps", "Pasos")
VERDICTS: Mapping[str, Text] = MappingProxyType(
    {
        "passes": Text("✓ passes", "✓ pasa"),
        "stops": Text("✗ stops here", "✗ se detiene aquí"),
        "unseen": Text("– not reached", "– sin llegar"),
    }
)
STEP_NAMES: Mapping[str, Text] = MappingProxyType(
    {
        "configured": Text("configured", "configurado"),
        "link": Text("link", "enlace"),
        "device": Text("device", "dispositivo"),
        "inputs": Text("inputs", "entradas"),
        "check": Text("check", "revisión"),
        "spool": Text("spool", "búfer"),
        "store": Text("store", "base de datos"),
        "value": Text("value", "valor"),
    }
)
IN_ORDER = Text("Nothing stops it: the point has a value.", "Nada lo detiene: el punto tiene valor.")
STOPS_AT = Text("It stops at: {step}", "Se detiene en: {step}")

EXPLORER_LEAD = Text(
    "What programs can ask, from /openapi.json. What you try here is asked with your own rights.",
    "Lo que los programas pueden pedir, de /openapi.json. Lo que pruebe aquí se pide con sus propios permisos.",
)
QUESTION = Text("Question", "Consulta")
PARAMETERS = Text("Parameters", "Parámetros")
NO_PARAMETERS = Text("It takes no parameters.", "No lleva parámetros.")
REQUIRED = Text("required", "obligatorio")
TRY = Text("Try it", "Probar")
ANSWER = Text("Answer", "Respuesta")
ONLY_GET = Text(
    "Orders are shown, and not given from here: use the line below with your token.",
    "Las órdenes se muestran, no se dan desde aquí: use la línea de abajo con su token.",
)
AT_TERMINAL = Text("At a terminal", "En una terminal")
CUT = Text("… {bytes} bytes in all", "… {bytes} bytes en total")

SIGN_IN_LEAD = Text(
    "A token says what you may see and do. The operator of this platform makes it with barrio token create.",
    "Un token dice qué puede ver y hacer. Quien opera esta plataforma lo crea con barrio token create.",
)
TOKEN = Text("Token", "Token")
SIGNED_AS = Text("Signed in as {who}.", "Sesión de {who}.")
NOT_KNOWN = Text(
    "The token is not known, was revoked, or has expired.",
    "El token no se conoce, fue revocado o ha caducado.",
)
NO_SESSIONS = Text("This platform has no sign-in.", "Esta plataforma no tiene sesiones.")
MOMENT = Text("One moment …", "Un momento …")
BUSY = Text(
    "Too many questions in a minute: wait a little", "Demasiadas consultas en un minuto: espere un poco"
)
BROKEN = Text(
    "This page could not be made: the log of barrio says why",
    "No se pudo hacer esta página: el registro de barrio dice por qué",
)
CONNECTION_LOST = Text("Connection lost", "Conexión perdida")
TRYING = Text("Trying to reconnect...", "Intentando reconectar...")


_SIGNS = {"critical": "■", "high": "▲", "medium": "◆", "low": "●"}


def state_words(name: str, lang: Lang) -> str:
    """Return a state of a device in words; one of a district's own by its name."""
    found = STATES.get(name)
    return found[0].of(lang) if found else name.replace("_", " ")


_REASONS: Mapping[str, Text] = MappingProxyType(
    {
        "late": Text("arrived late", "llegó tarde"),
        "backfilled": Text("read later", "leída después"),
        "restamped": Text("clock of the device was off", "reloj del dispositivo desviado"),
        "uncertain_status": Text("the device calls it uncertain", "el dispositivo la da por dudosa"),
        "imprecise": Text("too large to be exact", "demasiado grande para ser exacta"),
        "age_unknown": Text("of unknown age", "de antigüedad desconocida"),
        "incomplete": Text("some inputs are missing", "faltan algunas entradas"),
        "input_uncertain": Text("computed from an uncertain value", "calculada de un valor dudoso"),
        "not_available": Text("the device has no value", "el dispositivo no tiene valor"),
        "device_exception": Text(
            "the device answered with an exception", "el dispositivo respondió con error"
        ),
        "bad_status": Text("the device calls it bad", "el dispositivo la da por mala"),
        "not_a_number": Text("not a number", "no es un número"),
        "out_of_range": Text("outside its range", "fuera de rango"),
        "wrong_type": Text("of another type", "de otro tipo"),
        "unknown_state": Text("unknown state", "estado desconocido"),
        "undecodable": Text("not decodable", "no se pudo decodificar"),
        "input_missing": Text("an input is missing", "falta una entrada"),
        "undefined": Text("not defined for these inputs", "sin valor para estas entradas"),
    }
)


def reason_words(slug: str, meaning: str, lang: Lang) -> str:
    """Return why something was not heard or is not good; `meaning` where no table has shorter words."""
    found = REASONS.get(slug)
    if found is not None:
        return found[0].of(lang)
    return _REASONS[slug].of(lang) if slug in _REASONS else meaning


def priority_words(name: str, lang: Lang) -> str:
    """Return a priority with a sign that every font has."""
    found = PRIORITY.get(name)
    return f"{_SIGNS.get(name, '')} {found[0].of(lang).partition(' ')[2]}" if found else name


def alarm_words(name: str, lang: Lang) -> str:
    """Return how an alarm stands."""
    found = ALARM.get(name)
    return found[0].of(lang) if found else name
