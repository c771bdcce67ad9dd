"""The original: flips coins in a plain loop, under the development server of Flask, or under gunicorn."""
import random
import sys

from flask import Flask, jsonify, request

app = Flask(__name__)


def flips_until(heads_required):
    heads = flips = 0
    while heads < heads_required:
        flips += 1
        if random.choice(["heads", "tails"]) == "heads":
            heads += 1
        else:
            heads = 0
    return flips


@app.route("/compute", methods=["POST"])
def compute():
    heads_required = request.get_json()["heads"]
    return jsonify({"heads_required": heads_required, "total_flips": flips_until(heads_required)})


if __name__ == "__main__":
    app.run(host=sys.argv[1], port=int(sys.argv[2]))
