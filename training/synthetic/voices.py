"""Speech synthesisers whose voices can be recorded, and the licence of each voice."""

from dataclasses import dataclass

_CMU = "MIT-like (CMU Flite / Festvox, free for any use)"
_CSTR = "MIT-like (University of Edinburgh / CMU, free for any use)"


@dataclass(frozen=True)
class SpokenVoice:
    """One voice of one program.

    Args:
        name: of its folder.
        program: `"flite"`, `"festival"` or `"espeak-ng"`.
        voice: what the program calls it.
        language: one of `training.synthetic.lyrics.LANGUAGES`.
        encoding: of the text that the program takes.
        package: Debian's name of the package that holds the voice.
        licence: of the package's voice, as its copyright file states it.
    """

    name: str
    program: str
    voice: str
    language: str
    encoding: str
    package: str
    licence: str


VOICES = tuple(
    SpokenVoice(*row)
    for row in (
        ("flite-awb", "flite", "awb", "english", "ascii", "libflite1", _CMU),
        ("flite-rms", "flite", "rms", "english", "ascii", "libflite1", _CMU),
        ("flite-slt", "flite", "slt", "english", "ascii", "libflite1", _CMU),
        (
            "festival-slt",
            "festival",
            "cmu_us_slt_arctic_hts",
            "english",
            "ascii",
            "festvox-us-slt-hts",
            "MIT-like (CMU) and BSD-3-Clause",
        ),
        ("festival-kal", "festival", "kal_diphone", "english", "ascii", "festvox-kallpc16k", _CSTR),
        ("festival-ked", "festival", "ked_diphone", "english", "ascii", "festvox-kdlpc16k", _CSTR),
        *(
            (f"festival-{name}", "festival", f"czech_{name}", "czech", "iso8859-2", package, terms)
            for name, package, terms in (
                ("dita", "festvox-czech-dita", "GPL-3.0-or-later"),
                ("krb", "festvox-czech-krb", "GPL-3.0-or-later"),
                ("machac", "festvox-czech-machac", "GPL-3.0-or-later"),
                ("ph", "festvox-czech-ph", "GPL-2.0-or-later"),
            )
        ),
        *(
            (
                f"festival-{name}",
                "festival",
                f"{name}_diphone",
                "italian",
                "iso8859-1",
                package,
                "GPL-2.0-or-later",
            )
            for name, package in (("lp", "festvox-italp16k"), ("pc", "festvox-itapc16k"))
        ),
        (
            "festival-nsh",
            "festival",
            "msu_ru_nsh_clunits",
            "russian",
            "utf-8",
            "festvox-ru",
            "MIT-like (N. Shmyrev, free for any use)",
        ),
        *(
            (f"festival-{name}", "festival", voice, "finnish", "iso8859-1", package, "LGPL-2.0+")
            for name, voice, package in (
                ("lj", "suo_fi_lj_diphone", "festvox-suopuhe-lj"),
                ("mv", "hy_fi_mv_diphone", "festvox-suopuhe-mv"),
            )
        ),
        (
            "festival-ona",
            "festival",
            "upc_ca_ona_hts",
            "catalan",
            "iso8859-1",
            "festvox-ca-ona-hts",
            "LGPL-2.1-or-later",
        ),
        # Formant syntheses sound alike: a few are enough.
        *(
            (f"espeak-{name}", "espeak-ng", voice, language, "utf-8", "espeak-ng-data", "GPL-3.0+")
            for name, voice, language in (
                ("en", "en-us+f3", "english"),
                ("de", "de+m4", "german"),
                ("es", "es+f2", "spanish"),
            )
        ),
    )
)
"""Voices of Debian packages whose licences allow any use."""
