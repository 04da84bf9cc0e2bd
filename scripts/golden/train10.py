"""A training run, in f32."""

import torch
import torch.nn.functional as F

from record import number, tensor


def write():
    """conv 1 -> 8, batch norm, ReLU, max pool 2, linear 128 -> 10 on 8 x 8 images; Adam, ten batches of 16."""
    # No bias: batch normalization removes it, so its gradient is rounding noise, and Adam makes full steps of that.
    conv, norm = torch.nn.Conv2d(1, 8, 3, padding=1, bias=False), torch.nn.BatchNorm2d(8)
    head = torch.nn.Linear(128, 10)
    net = torch.nn.Sequential(conv, norm, torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), head)
    templates = torch.randn(10, 1, 8, 8)
    labels = torch.randint(0, 10, (10, 16))
    x = templates[labels] + 0.5 * torch.randn(10, 16, 1, 8, 8)
    tensor("train10/x", x)
    tensor("train10/labels", labels.float())

    def save(when):
        for key, value in net.state_dict().items():
            if value.ndim > 0:
                tensor(f"train10/{when}/{key}", value)

    save("start")
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=False)
    losses = []
    for images, classes in zip(x, labels):
        loss = F.cross_entropy(net(images), classes)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    number("train10/losses", *losses)
    save("end")
