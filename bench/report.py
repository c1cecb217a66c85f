def line(j): return f"{j.word} {j.line.key} {j.line.sign} {j.line.target} {j.value:.3f} {j.lowest:.3f}-{j.highest:.3f} {j.reason[:1500]}"
def tally(j): return "tally"
