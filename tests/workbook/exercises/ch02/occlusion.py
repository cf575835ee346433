"""Answers to `occlusion` as people write them, and what they are told."""

import torch


def one_at_a_time(score, image, patch, value=0.0):
    before = score(image.unsqueeze(0)).item()
    rows, columns = image.shape[1] // patch, image.shape[2] // patch
    result = torch.zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            picture = image.clone()
            picture[:, patch * i : patch * (i + 1), patch * j : patch * (j + 1)] = value
            result[i, j] = before - score(picture.unsqueeze(0)).item()
    return result


def by_masks(score, image, patch, value=0.0):
    rows, columns = image.shape[1] // patch, image.shape[2] // patch
    line = torch.arange(image.shape[1], device=image.device) // patch
    column = torch.arange(image.shape[2], device=image.device) // patch
    at = torch.arange(rows * columns, device=image.device)
    inside = (line[None, :, None] == (at // columns)[:, None, None]) & (
        column[None, None, :] == (at % columns)[:, None, None]
    )
    covered = torch.where(inside[:, None], value, image)
    return (score(image[None]) - score(covered)).view(rows, columns)


def row_by_row(score, image, patch, value=0.0):
    rows, columns = image.shape[1] // patch, image.shape[2] // patch
    found = []
    for i in range(rows):
        many = image.repeat(columns, 1, 1, 1)
        for j in range(columns):
            many[j, :, i * patch :, :][:, :patch, j * patch :][:, :, :patch] = value
        found.append(score(image[None]) - score(many))
    return torch.stack(found)


def puts_it_back(score, image, patch, value=0.0):
    image = image.clone()
    before, found = score(image[None])[0], []
    for i in range(0, image.shape[1] // patch * patch, patch):
        for j in range(0, image.shape[2] // patch * patch, patch):
            kept = image[:, i : i + patch, j : j + patch].clone()
            image[:, i : i + patch, j : j + patch] = value
            found.append(before - score(image[None])[0])
            image[:, i : i + patch, j : j + patch] = kept
    return torch.stack(found).unflatten(0, (image.shape[1] // patch, -1))


def rises(score, image, patch, value=0.0):
    return -by_masks(score, image, patch, value)


def left_over(score, image, patch, value=0.0):
    return score(image[None]) - by_masks(score, image, patch, value)


def never_uncovered(score, image, patch, value=0.0):
    picture = image.clone()
    before = score(picture[None])[0]
    result = torch.zeros(image.shape[1] // patch, image.shape[2] // patch)
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            picture[:, i * patch : (i + 1) * patch, j * patch : (j + 1) * patch] = value
            result[i, j] = before - score(picture[None])[0]
    return result


def into_the_picture(score, image, patch, value=0.0):
    before = score(image[None])[0]
    image[:, :patch, :patch] = value
    return (before - score(image[None])[0]).expand(image.shape[1] // patch, image.shape[2] // patch)


def red_only(score, image, patch, value=0.0):
    return one_at_a_time(
        lambda x: score(torch.cat([x[:, :1], image[None, 1:]], 1)), image, patch, value
    )


def columns_first(score, image, patch, value=0.0):
    return by_masks(score, image, patch, value).T.contiguous()


def wide_as_high(score, image, patch, value=0.0):
    # The squares in the right order, in as many lines as there are columns.
    right = by_masks(score, image, patch, value)
    return right.reshape(right.shape[::-1])


def always_black(score, image, patch, value=0.0):
    return one_at_a_time(score, image, patch)


def grey_by_default(score, image, patch, value=0.5):
    return one_at_a_time(score, image, patch, value)


def whole_lines(score, image, patch, value=0.0):
    result = torch.zeros(image.shape[1] // patch, image.shape[2] // patch)
    for i in range(result.shape[0]):
        picture = image.clone()
        picture[:, i * patch : (i + 1) * patch] = value
        result[i] = score(image[None])[0] - score(picture[None])[0]
    return result


def corner_by_corner(score, image, corners, cover):
    """Drop of the score for lines of (top, left), given what makes a picture of them."""
    before = score(image[None])[0]
    return torch.stack(
        [torch.stack([before - score(cover(*at)[None])[0] for at in line]) for line in corners]
    )


def black_box(image, top, left, side, value):
    picture = image.clone()
    picture[:, top : top + side, left : left + side] = value
    return picture


def every(length, patch):
    return range(0, length - patch + 1, patch)


def corners_too_near(score, image, patch, value=0.0):
    lines, columns = image.shape[1] // patch, image.shape[2] // patch
    corners = [[(i, j) for j in range(columns)] for i in range(lines)]
    return corner_by_corner(
        score, image, corners, lambda i, j: black_box(image, i, j, patch, value)
    )


def end_included(score, image, patch, value=0.0):
    _, height, width = image.shape
    corners = [[(i, j) for j in every(width, patch)] for i in every(height, patch)]
    return corner_by_corner(
        score, image, corners, lambda i, j: black_box(image, i, j, patch + 1, value)
    )


def the_rest_too(score, image, patch, value=0.0):
    _, height, width = image.shape
    corners = [[(i, j) for j in range(0, width, patch)] for i in range(0, height, patch)]
    return corner_by_corner(
        score, image, corners, lambda i, j: black_box(image, i, j, patch, value)
    )


def out_of_the_map(score, image, patch, value=0.0):
    _, height, width = image.shape
    result = torch.zeros(height // patch, width // patch)
    for i in range(0, height, patch):
        for j in range(0, width, patch):
            covered = black_box(image, i, j, patch, value)
            result[i // patch, j // patch] = score(image[None])[0] - score(covered[None])[0]
    return result


def last_square_to_the_border(score, image, patch, value=0.0):
    _, height, width = image.shape
    corners = [[(i, j) for j in every(width, patch)] for i in every(height, patch)]

    def cover(i, j):
        picture = image.clone()
        bottom = i + patch if i + 2 * patch <= height else height
        right = j + patch if j + 2 * patch <= width else width
        picture[:, i:bottom, j:right] = value
        return picture

    return corner_by_corner(score, image, corners, cover)


def keeps_only(score, image, patch, value=0.0):
    _, height, width = image.shape
    corners = [[(i, j) for j in every(width, patch)] for i in every(height, patch)]

    def window(i, j):
        return torch.where(black_box(image, i, j, patch, torch.inf).isinf(), image, value)

    return corner_by_corner(score, image, corners, window)


def no_batch(score, image, patch, value=0.0):
    return torch.full((image.shape[1] // patch, 1), float(score(image)))


def as_a_full_square(score, image, patch, value=0.0):
    corners = [[(i, j) for j in every(image.shape[2], patch)] for i in every(image.shape[1], patch)]

    def cover(i, j):
        picture = image.clone()
        picture[:, i : i + patch, j : j + patch] = torch.full((len(image), patch, patch), value)
        return picture

    return corner_by_corner(score, image, corners, cover)


def as_a_float(score, image, patch, value=0.0):
    return one_at_a_time(score, image, patch, float(value))


def by_fill(score, image, patch, value=0.0):
    corners = [[(i, j) for j in every(image.shape[2], patch)] for i in every(image.shape[1], patch)]

    def cover(i, j):
        picture = image.clone()
        picture[:, i : i + patch, j : j + patch].fill_(value)
        return picture

    return corner_by_corner(score, image, corners, cover)


def first_of_the_values(score, image, patch, value=0.0):
    return by_masks(score, image, patch, float(torch.as_tensor(value).flatten()[0]))


def three_colours(score, image, patch, value=0.0):
    value = torch.as_tensor(value).expand(len(image), 1, 1)[:3]
    return one_at_a_time(
        lambda x: score(torch.cat([x, image[None, 3:]], 1)), image[:3], patch, value
    )


RIGHT = one_at_a_time, by_masks, row_by_row, puts_it_back
WRONG = (
    (rises, "Is the sign turned?"),
    (left_over, "Is that the score of the covered picture?"),
    (never_uncovered, "Is the last square still covered when the next is tried?"),
    (into_the_picture, "changes its input `image`"),
    (red_only, "Did you cover one channel only?"),
    (columns_first, "the shape should be [2, 3], yours is [3, 2]. Are lines and columns swapped?"),
    (wide_as_high, "yours is [3, 2]. How many whole squares fit, down and across?"),
    (always_black, "value 0.5: entry [0, 0] should be"),
    (always_black, "Did you use `value`?"),
    (grey_by_default, "Copy the picture, set one square of all channels to `value`"),
    (whole_lines, "Copy the picture, set one square of all channels to `value`"),
    (corners_too_near, "Where does square number i begin?"),
    (end_included, "Is a line too much or too little covered?"),
    (the_rest_too, "the shape should be [2, 2], yours is [3, 3]. What is left over at the"),
    (out_of_the_map, "is out of bounds for dimension 1 with size 2 (line"),
    (out_of_the_map, "`). What is left over at the lower and right border stays uncovered"),
    (last_square_to_the_border, "What is left over at the lower and right border stays uncovered"),
    (keeps_only, "Did you cover everything but the square?"),
    (as_a_full_square, "`value` may be one number for each channel, of shape (channels, 1, 1)."),
    (as_a_float, "`value` may be one number for each channel, of shape (channels, 1, 1)."),
    (by_fill, "`value` may be one number for each channel, of shape (channels, 1, 1)."),
    (first_of_the_values, "a value for each channel: entry [0, 0] should be"),
    (first_of_the_values, "`value` may be one number for each channel, of shape (channels, 1, 1)."),
    (three_colours, "5 channels, patch 2, a value for each channel: entry"),
    (no_batch, "`score` takes a batch (n, channels, height, width), it was given (3, 4, 6)"),
    (lambda score, image, patch: image[0], "expected the signature occlusion(score, image, patch,"),
    (lambda score, image, patch, value=0.0: [0.0], "the result should be a tensor"),
)
