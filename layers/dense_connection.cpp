#include "layers/dense_connection.h"

namespace pliant {

Var DenseConnection::forward(Pass& pass, const Var& x) const { return concat_channels({x, branch_->forward(pass, x)}); }

Shape DenseConnection::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  Shape y = branch_->cost(select, x, rows);
  PLIANT_REQUIRE(ShapeError, x.rank() == 4 && y[1] == x[1] && y[2] == x[2], name(), ": the branch turns ", x, " into ", y,
                 ", which cannot stand beside it");
  y.set(3, x[-1] + y[-1]);
  rows.push_back({name(), "concatenate", y});
  return y;
}

}  // namespace pliant
