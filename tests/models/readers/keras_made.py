"""Makes keras_made.zip: small models that Keras itself saved, with inputs and what Keras computed of them.

Run where Keras and a backend are installed: KERAS_BACKEND=torch python -m tests.models.readers.keras_made
"""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np

KEPT = Path(__file__).with_suffix(".zip")
NAMES = (
    "relu",
    "sigmoid",
    "softplus",
    "softsign",
    "selu",
    "elu",
    "leaky_relu",
    "hard_sigmoid",
    "hard_silu",
    "log_softmax",
)
IMAGE = (8, 10, 3)


def models(keras):
    """The models by name."""
    layers = keras.layers

    def row(*items):
        return keras.Sequential(list(items))

    def functional(shape, function):
        x = keras.Input(shape)
        return keras.Model(x, function(x))

    def residual(x):
        h = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same", use_bias=False)(x)))
        h = layers.Concatenate()([layers.Add()([h, layers.Conv2D(6, 1)(x)]), x])
        return layers.Dense(4, activation="tanh")(layers.Flatten()(layers.MaxPooling2D()(h)))

    def shared(x):
        twice = layers.Dense(5, activation="tanh", name="twice")
        return layers.Dense(2)(twice(twice(layers.Dense(5)(x))))

    def nested(x):
        steps = [layers.Dense(6, activation="relu"), layers.Dense(6, activation="sigmoid")]
        inner = keras.Sequential([keras.Input((6,)), *steps], name="inner")
        return layers.Dense(3)(inner(layers.Dense(6)(inner(x))))

    def merged(x):
        four = [layers.Dense(3)(x) for _ in range(4)]
        product = layers.Multiply()([layers.Subtract()(four[:2]), layers.Maximum()(four[2:])])
        return layers.Average()([product, *four])

    flat, image = keras.Input((6,)), lambda: keras.Input(IMAGE)
    return {
        # in another order than the alphabet's: .keras keeps weights by class and order, and not by name
        "named": row(flat, layers.Dense(6, "tanh", name="zeta"), layers.Dense(6, "gelu", name="alpha"), layers.Dense(6, name="beta")),
        "activations": row(flat, *[layers.Dense(5, activation=name) for name in NAMES]),
        "slopes": row(
            *(flat, layers.Dense(5), layers.LeakyReLU(), layers.Dense(5), layers.ELU(), layers.Dense(5), layers.PReLU()),
            *(layers.Dense(5), layers.ReLU(max_value=0.5, negative_slope=0.1), layers.Softmax(), layers.Dropout(0.5)),
            *(layers.Activation("tanh"), layers.LayerNormalization(), layers.Rescaling(2.0, 1.0)),
        ),
        "convolutions": row(
            *(image(), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(5, (3, 2), padding="same")),
            *(layers.BatchNormalization(), layers.Activation("tanh"), layers.GlobalAveragePooling2D(), layers.Dense(2)),
        ),
        "strides": row(
            *(image(), layers.ZeroPadding2D(((1, 0), (2, 1))), layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")),
            *(layers.DepthwiseConv2D(2, depth_multiplier=2), layers.SeparableConv2D(3, 2)),
            *(layers.AveragePooling2D(2, padding="same"), layers.Flatten(), layers.Dense(2)),
        ),
        "enlarging": row(
            *(image(), layers.Conv2DTranspose(4, 3, strides=2, padding="same"), layers.Conv2DTranspose(3, 2), layers.UpSampling2D()),
            *(layers.UpSampling2D(interpolation="bilinear"), layers.LayerNormalization(), layers.GlobalMaxPooling2D()),
        ),
        "sequences": row(
            *(keras.Input((9, 4)), layers.Conv1D(5, 3, padding="causal", activation="relu"), layers.BatchNormalization()),
            *(layers.Conv1D(6, 3, dilation_rate=2), layers.Permute((2, 1)), layers.Dense(3), layers.Reshape((18,)), layers.Dense(2)),
        ),
        "halves of a normalisation": row(
            *(flat, layers.Dense(5), layers.BatchNormalization(scale=False), layers.Dense(4)),
            *(layers.BatchNormalization(center=False), layers.Dense(3)),
        ),
        "residual": functional(IMAGE, residual),
        "shared": functional((6,), shared),
        "nested": functional((6,), nested),
        "an operation": functional((6,), lambda x: layers.Dense(1)(layers.Dense(6, "tanh")(x) + x)),
        "merged": functional((6,), merged),
        "words": row(keras.Input((7,), dtype="int32"), layers.Embedding(11, 4), layers.GlobalAveragePooling1D(), layers.Dense(2)),
    }  # fmt: skip


def main():
    """Save each model in both formats, with inputs and outputs."""
    import keras

    keras.utils.set_random_seed(1)
    rng, arrays = np.random.default_rng(0), io.BytesIO()
    kept = {}
    with (
        zipfile.ZipFile(KEPT, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
        tempfile.TemporaryDirectory() as folder,
    ):
        for name, model in models(keras).items():
            for weight in model.weights:  # not 0 and 1, as they are drawn: what is mixed up must be seen
                if "kernel" not in weight.path:
                    weight.assign(rng.uniform(0.5, 1.5, weight.shape))
            shape = (3, *model.input_shape[1:])
            x = rng.integers(0, 11, shape) if name == "words" else rng.normal(size=shape).astype("f4")
            kept |= {f"{name}.x": x, f"{name}.y": np.asarray(model(x, training=False).detach())}
            for kind in ("keras", "h5"):
                path = f"{folder}/{name}.{kind}"
                model.save(path)
                packed.write(path, f"{name}.{kind}")
        np.savez(arrays, **kept)
        packed.writestr("answers.npz", arrays.getvalue())


if __name__ == "__main__":
    main()
